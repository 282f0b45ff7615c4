/** A cluster's life without a federation, on plain QEMU processes: from a directory, booted, shut down, started, cleaned. Formats, section 6. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeSshKey } from '../../local/demo/proof.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type BootedCluster, bootArguments, makeRepository, shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost, type StandaloneHost } from '../helpers/standalone-host.ts';

async function addKey(host: StandaloneHost, { name }: BootedCluster, folder: string) {
  const keyFile = await makeSshKey(join(host.directory, folder));
  const told = await host.ask<{ effect: string }[]>('add-key', name, '--key', `${keyFile}.pub`);
  return { keyFile, effects: told.map(({ effect }) => effect) };
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1000, prepare: prepareGuest('sample') })) {
  test(
    'formats §6: shutdown keeps address and disks; start brings the same cluster back',
    { timeout: 900_000 },
    async (t) => {
      const host = await startStandaloneHost(t, { driver: 'qemu' });
      const repository = await makeRepository(t, host);
      const boot = [...bootArguments(host, 'splited', 3, repository), '--computes', '2'];
      const cluster = await host.ask<BootedCluster>(...boot);
      assert.deepEqual(
        cluster.nodes.map(({ name, cpus }) => [name, cpus]),
        [
          ['frontend', 1],
          ['compute-0', 2],
          ['compute-1', 1],
        ],
      );
      await host.ssh(cluster.publicAddress, 'echo kept > /root/kept; sync');

      const running = await addKey(host, cluster, 'second');
      assert.deepEqual(running.effects, ['now', 'now', 'now']);
      await host.ssh(cluster.publicAddress, 'true', running.keyFile);
      assert.equal((await host.run('shutdown', cluster.name)).exitCode, 0);
      const [listed] = await host.ask<BootedCluster[]>('list', 'cluster', cluster.name);
      assert.deepEqual(
        [listed?.publicAddress, listed?.nodes.map(({ running }) => running)],
        [cluster.publicAddress, [false, false, false]],
      );
      const off = await addKey(host, cluster, 'third');
      assert.deepEqual(off.effects, ['next boot', 'next boot', 'next boot']);
      assert.equal((await host.run('start', cluster.name)).exitCode, 0);
      await host.ssh(cluster.publicAddress, 'true', off.keyFile);
      assert.equal(await host.ssh(cluster.publicAddress, 'cat /root/kept'), 'kept\n');
      await shutDownAndClean(host, cluster);
      assert.deepEqual(await host.leftovers(), []);

      const gone = await host.run('shutdown', cluster.name);
      assert.deepEqual([gone.exitCode, /NOT_FOUND/.test(gone.stderr)], [66, true]);
    },
  );
}
