/** A Debian with cloud-init and no kit, through the commands alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { bootGuest, FILE_LIMIT_SECONDS, LIMIT } from '../helpers/packed-guest.ts';
import { shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost } from '../helpers/standalone-host.ts';

/** A compute that is ready by its network alone may still be starting its services. */
const ASK_COMPUTE = 'for i in $(seq 180); do ssh compute-0 hostname 2>/dev/null && break; sleep 1; done';

const prepare = prepareGuest('debian-cloud-init');

if (inNamespaces(import.meta.filename, { timeoutSeconds: FILE_LIMIT_SECONDS, prepare })) {
  test('an ordinary Debian with cloud-init joins through its seed', LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'qemu' });
    const cluster = await bootGuest(t, host, { kind: 'debian-cloud-init', computes: 1, memoryMiB: 512 });
    const said = await host.ssh(cluster.publicAddress, `hostname; cat /tmp/machinefile; ${ASK_COMPUTE}`);
    assert.equal(said, `${cluster.name}\ncompute-0\ncompute-0\n`);
    await shutDownAndClean(host, cluster);
  });
}
