/** A Debian with the guest kit, on ext4, through the commands alone: packed, booted, used, removed. It computes with MPI. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { bootGuest, DEAF_GRACE_SECONDS, FILE_LIMIT_SECONDS, LIMIT } from '../helpers/packed-guest.ts';
import { shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost } from '../helpers/standalone-host.ts';

const prepare = prepareGuest('debian-kit-ext4');

if (inNamespaces(import.meta.filename, { timeoutSeconds: FILE_LIMIT_SECONDS, prepare })) {
  test('a Debian with the guest kit is a cluster: MPI over /tmp/machinefile on 1 + 2 nodes', LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'libvirt' });
    const cluster = await bootGuest(t, host, { kind: 'debian-kit-ext4', computes: 2, memoryMiB: 512 });
    const onFrontend = (command: string): Promise<string> => host.ssh(cluster.publicAddress, command);
    assert.equal(await onFrontend('cat /tmp/machinefile'), 'compute-0\ncompute-1\n');
    assert.equal(await onFrontend('mpirun -f /tmp/machinefile -n 2 hostname | sort'), 'compute-0\ncompute-1\n');
    // Messages from one compute to the other, and back.
    const pingPong = await onFrontend('cd /tmp && mpirun -f /tmp/machinefile -n 2 NPmpich2 -u 64 2>&1');
    assert.match(pingPong, /^ *\d+: +64 bytes .* Mbps/m);
    await shutDownAndClean(host, cluster, DEAF_GRACE_SECONDS);
    assert.deepEqual(await host.leftovers(), []);
  });
}
