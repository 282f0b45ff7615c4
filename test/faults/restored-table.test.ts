/**
 * The federation's table is put back to an earlier moment, while an agent and its guests go on (docs/operations.md, Recovery): what
 * becomes of clusters whose rows moved meanwhile. No disk of a member is lost, and the system comes to rest.
 */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Deployment } from '#shared/deployment.ts';
import { LOCAL_REGION } from '../../local/aws/account.ts';
import { sshArguments } from '../../local/demo/proof.ts';
import { runProgram } from '../../local/federation/program.ts';
import type { SiteAgent } from '../../local/federation/site-agent.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { awaitState } from '../helpers/awaited-state.ts';
import { pidsOf } from '../helpers/driver-host.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type RunningFederation, runFederation } from '../helpers/running-federation.ts';
import { rememberTable, type TableMoment } from '../helpers/table-moment.ts';

const LIMIT = { timeout: 300_000 };
/** Longer than the sweep waits until it announces a wish again. */
const AGE_SECONDS = 20 * 60;

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900, prepare: prepareGuest('sample') })) {
  describe('after the table was put back to an earlier moment', LIMIT, () => {
    const undo = new AsyncDisposableStack();
    let running: RunningFederation;
    let agent: SiteAgent;
    /** Its row is remembered before it ran, and then while it runs. */
    let cluster: Deployment;
    let whileFetching: TableMoment;
    let whileRunning: TableMoment;
    let lambda: LambdaClient;

    before(async () => {
      running = await runFederation(undo, { siteIds: ['naist'] });
      agent = running.federation.agents.get('naist') ?? assert.fail();
      const credentials = { accessKeyId: 'scheduler', secretAccessKey: 'local' };
      const endpoint = running.federation.cloud.lambdaEndpoint;
      lambda = undo.adopt(new LambdaClient({ endpoint, region: LOCAL_REGION, credentials }), (client) =>
        client.destroy(),
      );
      [cluster, whileFetching] = await createRemembering();
      whileRunning = await remember();
      await onFrontend('touch /root/kept && sync');
    }, LIMIT);
    after(() => undo.disposeAsync(), LIMIT);

    const remember = () => rememberTable(running.aws.dynamoDb, running.federation.cloud.names.table);
    const sweep = () => lambda.send(new InvokeCommand({ FunctionName: 'edgeboot-local-sweep' }));
    const ask = (...args: string[]) => running.federation.member.ask<Deployment>(['deployment', ...args]);
    const phaseOf = async ({ deploymentId }: Deployment) => (await ask('show', deploymentId)).phase;
    const reported = (phase: string) =>
      agent.awaitLine((line) => line.msg === 'phase reached' && line['phase'] === phase);
    const pids = (of: Deployment) => pidsOf(of, { name: 'frontend' });
    const born = async ({ deploymentId }: Deployment): Promise<unknown> => {
      const overlay = path.join(agent.stateDirectory, 'clusters', deploymentId, 'frontend.qcow2');
      const { ino, birthtimeMs } = await stat(overlay);
      return { ino, birthtimeMs };
    };
    const onFrontend = async (command: string): Promise<void> => {
      const address = cluster.nodes?.[0]?.publicAddress ?? '';
      const { exitCode, stderr } = await runProgram('ssh', [...sshArguments(running.keyFile, address), command]);
      assert.equal(exitCode, 0, stderr);
    };
    /** Nothing is to be done any more: no message waits, and what the sweep finds it has found before. */
    const awaitRest = async (): Promise<void> => {
      await sweep();
      await awaitState(async () => (await running.leftovers()).every((line) => !line.startsWith('queue ')));
    };

    /** A cluster that runs, and the table as it was while the agent fetched for it. */
    async function createRemembering(): Promise<[Deployment, TableMoment]> {
      const claimed = reported('FETCHING').then(remember);
      return Promise.all([running.run('naist'), claimed]);
    }

    it(
      'a row that says FETCHING while the cluster runs: the agent says that it does, and touches nothing',
      LIMIT,
      async () => {
        const [before, disk] = [await pids(cluster), await born(cluster)];
        assert.equal(before.length, 1);
        await whileFetching.putBack(AGE_SECONDS);
        assert.equal(await phaseOf(cluster), 'FETCHING');
        const said = reported('RUNNING');
        await sweep();
        await said;
        await awaitRest();
        const restored = await ask('show', cluster.deploymentId);
        assert.deepEqual([restored.phase, restored.nodes], ['RUNNING', cluster.nodes]);
        assert.deepEqual([await pids(cluster), await born(cluster)], [before, disk]);
      },
    );

    it(
      'a row from before it ran, while its member has turned it off: it is on again, on its own disk',
      LIMIT,
      async () => {
        const disk = await born(cluster);
        assert.equal((await ask('stop', cluster.deploymentId, '--wait')).phase, 'STOPPED');
        await whileFetching.putBack(AGE_SECONDS);
        const said = reported('RUNNING');
        await sweep();
        await said;
        await awaitRest();
        const restored = await ask('show', cluster.deploymentId);
        assert.deepEqual([restored.phase, restored.nodes], ['RUNNING', cluster.nodes]);
        assert.deepEqual(await born(cluster), disk);
        await onFrontend('test -e /root/kept');
      },
    );

    it(
      'a row that says RUNNING while it is off: the sweep leaves it; its member stops and starts it',
      LIMIT,
      async () => {
        const disk = await born(cluster);
        await ask('stop', cluster.deploymentId, '--wait');
        await whileRunning.putBack(AGE_SECONDS);
        await awaitRest();
        assert.deepEqual([await phaseOf(cluster), await pids(cluster)], ['RUNNING', []]);
        assert.equal((await ask('stop', cluster.deploymentId, '--wait')).phase, 'STOPPED');
        assert.equal((await ask('start', cluster.deploymentId, '--wait')).phase, 'RUNNING');
        assert.deepEqual(await born(cluster), disk);
        await onFrontend('test -e /root/kept');
      },
    );

    it(
      'a row that is gone: the cluster runs on, also over a restart of the agent, until its operator removes it',
      LIMIT,
      async () => {
        const before = await remember();
        const lost = await running.run('naist');
        await before.putBack(AGE_SECONDS);
        await awaitRest();
        await agent.stop();
        await agent.start();
        assert.equal((await pids(lost)).length, 1);
        await assert.rejects(ask('show', lost.deploymentId), /66/);

        const { stdout } = await agent.command('list', 'cluster', '--output', 'json');
        const listed = JSON.parse(stdout) as { name: string; publicAddress: string }[];
        const nameOf = ({ nodes }: Deployment) =>
          listed.find(({ publicAddress }) => publicAddress === nodes?.[0]?.publicAddress)?.name ?? assert.fail();
        const known = await agent.command('clean', nameOf(cluster), '--forgotten');
        assert.equal(known.exitCode, 77, 'what the federation knows is not removed');
        assert.match(known.stderr, /the federation knows/);
        assert.equal((await agent.command('clean', nameOf(lost))).exitCode, 77);
        const removed = await agent.command('clean', nameOf(lost), '--forgotten');
        assert.equal(removed.exitCode, 0, removed.stderr);
        const left = await running.leftovers();
        assert.deepEqual(
          left.filter((line) => line.includes(lost.deploymentId)),
          [],
        );
        assert.deepEqual([await pids(lost), (await pids(cluster)).length], [[], 1]);
      },
    );

    it(
      'a row that says FETCHING of a cluster that was destroyed since: it is made again, as its row wishes',
      LIMIT,
      async () => {
        const [again, moment] = await createRemembering();
        await running.destroy(again);
        await moment.putBack(AGE_SECONDS);
        const said = reported('RUNNING');
        await sweep();
        await said;
        await awaitRest();
        assert.deepEqual([await phaseOf(again), (await pids(again)).length], ['RUNNING', 1]);
        await running.destroy(again);
      },
    );

    it(
      'a row that says RUNNING of one that was destroyed: so it stays, until its member destroys it again',
      LIMIT,
      async () => {
        const moment = await remember();
        await running.destroy(cluster);
        await moment.putBack(AGE_SECONDS);
        await awaitRest();
        assert.deepEqual([await phaseOf(cluster), await pids(cluster)], ['RUNNING', []]);
        await running.destroy(cluster);
        assert.equal(await phaseOf(cluster), 'TERMINATED');
        await awaitRest();
        assert.deepEqual(await running.leftovers(), []);
      },
    );
  });
}
