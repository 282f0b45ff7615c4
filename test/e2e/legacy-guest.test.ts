/** A guest that does only what the original's guests did, through the commands alone. Formats, section 5. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { bootGuest, DEAF_GRACE_SECONDS, FILE_LIMIT_SECONDS, LIMIT } from '../helpers/packed-guest.ts';
import { shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost } from '../helpers/standalone-host.ts';

const prepare = prepareGuest('legacy');

if (inNamespaces(import.meta.filename, { timeoutSeconds: FILE_LIMIT_SECONDS, prepare })) {
  test("formats §5: the original's guests find their way, and rename the document", LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'libvirt' });
    const packAs = ['--legacy', 'splited_gzip'];
    const cluster = await bootGuest(t, host, { kind: 'legacy', computes: 1, memoryMiB: 128, packAs });
    const said = await host.ssh(
      cluster.publicAddress,
      'hostname; cat /tmp/machinefile; ls /root; ping -c 1 -w 30 compute-0',
    );
    assert.match(said, new RegExp(`^${cluster.name}\ncompute-0\n`));
    assert.match(said, /vc-out\.xml\.old/);
    assert.match(said, /1 packets received/);
    await shutDownAndClean(host, cluster, DEAF_GRACE_SECONDS);
  });
}
