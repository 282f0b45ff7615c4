/** The time of a cluster is over: it is stopped, extended, started with its disks as they were, and in the end destroyed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { retryConflict } from '../../functions/retry-conflict.ts';
import { sshArguments } from '../../local/demo/proof.ts';
import { runProgram } from '../../local/federation/program.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type RunningFederation, runFederation } from '../helpers/running-federation.ts';
import { sweepNow } from '../helpers/sweep-now.ts';

const LIMIT = { timeout: 600_000 };

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900, prepare: prepareGuest('sample') })) {
  const undo = new AsyncDisposableStack();
  let running: RunningFederation;
  before(async () => {
    running = await runFederation(undo, { siteIds: ['naist'] });
  }, LIMIT);
  after(() => undo.disposeAsync(), LIMIT);

  void test(
    'a cluster whose time is over is stopped first, and destroyed when its last day is over, too',
    LIMIT,
    async () => {
      const { federation, aws } = running;
      const { member, cloud, host } = federation;
      const { deploymentId, nodes } = await running.run('naist', '--hours', '2');
      const address = nodes?.[0]?.publicAddress ?? '';
      const onFrontend = async (command: string): Promise<void> => {
        const { exitCode, stderr } = await runProgram('ssh', [...sshArguments(running.keyFile, address), command]);
        assert.equal(exitCode, 0, stderr);
      };
      const domains = async (...which: string[]): Promise<number> => {
        const list = ['--quiet', '--connect', host.libvirtd.uri, 'list', '--name', ...which];
        return (await runProgram('virsh', list)).stdout.split('\n').filter(Boolean).length;
      };
      const settled = () => member.ask<Deployment>(['deployment', 'show', deploymentId, '--watch']);
      const store = new DynamoDbDeploymentStore(new Table(cloud.names.table, aws.dynamoDb));
      /** Nobody waits for hours: the row's moments are put into the past, and then the sweep comes. */
      const passUntil = async (moment: 'endsAt' | 'destroyAt'): Promise<void> => {
        const past = { [moment]: new Date().toISOString(), endWarningAt: undefined };
        await retryConflict(
          async () => (await store.find(deploymentId)) ?? assert.fail(),
          (row) => store.replace(row, { ...row, ...past, version: row.version + 1 }, undefined, []),
        );
        await sweepNow(cloud);
      };

      await onFrontend('touch /root/kept && sync');
      await passUntil('endsAt');
      const stopped = await settled();
      assert.equal(stopped.phase, 'STOPPED');
      assert.ok(stopped.destroyAt !== undefined && stopped.destroyAt > new Date().toISOString());
      assert.deepEqual([await domains(), await domains('--all')], [0, 1]);
      const refused = await member.run(['deployment', 'start', deploymentId]);
      assert.equal(refused.exitCode, 75);
      assert.match(refused.stderr, /Give it more time first: edgeboot deployment extend/);

      await member.ask(['deployment', 'extend', deploymentId, '--hours', '2']);
      const started = await member.ask<Deployment>(['deployment', 'start', deploymentId, '--wait']);
      assert.deepEqual([started.phase, started.destroyAt], ['RUNNING', undefined]);
      await onFrontend('test -e /root/kept');

      await passUntil('endsAt');
      assert.equal((await settled()).phase, 'STOPPED');
      await passUntil('destroyAt');
      assert.equal((await settled()).phase, 'TERMINATED');
      assert.deepEqual(await running.leftovers(), []);
    },
  );
}
