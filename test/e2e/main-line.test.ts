/** The main job with real programs and real guests: request → sign → queue → fetch → personalize → boot → report → destroy. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type AuditRecord, auditRecordSchema } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import type { Warming } from '#shared/warming.ts';
import { askEveryNode, sshArguments } from '../../local/demo/proof.ts';
import { runProgram } from '../../local/federation/program.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { findSecrets } from '../helpers/secrets.ts';
import { IMAGE_NAME, type RunningFederation, runFederation } from '../helpers/running-federation.ts';

const DOCTORS_CHECKS = ['api', 'clock', 'disk', 'edges', 'kvm', 'libvirt', 'queue', 'tools'];
/** Emulated guests on a busy machine are slow; nothing here depends on how slow. */
const LIMIT = { timeout: 600_000 };

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1200, prepare: prepareGuest('sample') })) {
  describe('the main line', LIMIT, () => {
    const undo = new AsyncDisposableStack();
    let running: RunningFederation;
    let first: Deployment;

    before(async () => {
      const agents = { naist: { logLevel: 'debug' }, ucsd: { logLevel: 'debug' } } as const;
      running = await runFederation(undo, { siteIds: ['naist', 'ucsd'], agents });
    }, LIMIT);
    after(() => undo.disposeAsync(), LIMIT);

    const domains = async (): Promise<string[]> => {
      const uri = running.federation.host.libvirtd.uri;
      const { stdout } = await runProgram('virsh', ['--quiet', '--connect', uri, 'list', '--all', '--name']);
      return stdout.split('\n').filter(Boolean);
    };
    const onFrontend = async (address: string, command: string): Promise<void> => {
      const { exitCode, stderr } = await runProgram('ssh', [...sshArguments(running.keyFile, address), command]);
      assert.equal(exitCode, 0, stderr);
    };
    const trail = async (): Promise<AuditRecord[]> => {
      const { events = [] } = await running.aws.logs.send(
        new FilterLogEventsCommand({ logGroupName: '/edgeboot/local/audit' }),
      );
      return events.map(({ message }) => auditRecordSchema.parse(JSON.parse(message ?? '')));
    };

    it('is prepared by warming: the nearest edge has the image then, and the site itself only where it is kept', async () => {
      const { federation } = running;
      const warm = (...more: string[]) =>
        federation.member.ask<Warming>(['image', 'warm', IMAGE_NAME, '--site', 'ucsd', '--wait', ...more]);
      const cache = path.join(federation.agents.get('ucsd')?.stateDirectory ?? '', 'cache');
      const inCache = async () =>
        (await readdir(cache, { recursive: true, withFileTypes: true })).filter((one) => one.isFile()).length;
      const first = await warm();
      assert.equal(first.phase, 'DONE');
      assert.deepEqual([first.outcome?.edgeLocations, first.outcome?.cacheHits], [['NRT57-C1'], 0]);
      const again = await warm();
      assert.deepEqual([again.outcome?.cacheMisses, again.outcome?.cacheHits], [0, first.outcome?.cacheMisses]);
      assert.equal(await inCache(), 0);
      assert.equal((await warm('--keep')).phase, 'DONE');
      assert.ok((await inCache()) > 0);
      assert.equal((await warm('--keep')).outcome?.bytesFetched, 0);
      assert.deepEqual(await domains(), []);
      const records = (await trail()).filter(({ warmingId }) => warmingId === first.warmingId);
      assert.deepEqual(
        records.map(({ action, sequence }) => [action, sequence]),
        [
          ['warming.request', 1],
          ['warming.report', 2],
        ],
      );
    });

    it('fault 20: boots one cluster, however often its message is delivered', LIMIT, async () => {
      const { federation, aws } = running;
      const creating = running.run('naist', '--computes', '1');
      const agent = federation.agents.get('naist');
      const received = await agent?.awaitLine(({ msg }) => msg === 'message received');
      const { QueueUrl } = await aws.sqs.send(new GetQueueUrlCommand({ QueueName: 'edgeboot-local-site-naist' }));
      const copy = JSON.stringify({ schemaVersion: 1, deploymentId: received?.['deploymentId'], generation: 1 });
      for (let i = 0; i < 3; i++) await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: copy }));
      first = await creating;
      assert.equal(first.phase, 'RUNNING');
      assert.equal((await domains()).length, 2);
      assert.deepEqual(
        first.nodes?.map(({ name, privateAddress }) => [name, privateAddress]),
        [
          ['frontend', '10.1.1.1'],
          ['compute-0', '10.1.255.254'],
        ],
      );
    });

    it('fetched it from the nearest edge, and says how long each step took', () => {
      const { timeline, createdAt } = first;
      assert.ok(timeline);
      assert.deepEqual(timeline.edgeLocations, ['NRT57-C1']);
      assert.ok(timeline.bytesFetched > 1_000_000);
      assert.equal(timeline.cacheHits + timeline.cacheMisses, timeline.partsFetched);
      assert.deepEqual(
        timeline.steps.map(({ name }) => name),
        ['fetch and assemble', 'personalize', 'start domains', 'guests ready'],
      );
      const acceptedToHeld = Date.parse(timeline.messageReceivedAt) - Date.parse(createdAt);
      assert.ok(acceptedToHeld < 1000, `${acceptedToHeld} ms from accepted to held`);
    });

    it('is a cluster: the member reaches the frontend, and from there its compute', LIMIT, async () => {
      const address = first.nodes?.[0]?.publicAddress ?? '';
      const names = await askEveryNode(running.keyFile, address, 1);
      assert.deepEqual(names, [`vc-${address.replaceAll('.', '-')}`, 'compute-0']);
    });

    it('left a trail without gaps', async () => {
      const records = (await trail()).filter(({ deploymentId }) => deploymentId === first.deploymentId);
      assert.deepEqual(
        records.map(({ sequence }) => sequence),
        records.map((_, i) => i + 1),
      );
      assert.deepEqual([records.at(0)?.action, records.at(-1)?.reason], ['deployment.request', 'RUNNING']);
    });

    it('has a doctor for its site, who finds nothing that fails', LIMIT, async () => {
      const agent = running.federation.agents.get('naist');
      const { exitCode, stdout } = (await agent?.command('doctor', '--output', 'json')) ?? { exitCode: -1, stdout: '' };
      const checks = JSON.parse(stdout) as { name: string; status: string; detail: string }[];
      assert.deepEqual(checks.map(({ name }) => name).sort(), DOCTORS_CHECKS);
      assert.deepEqual(
        checks.filter(({ status }) => status === 'fail'),
        [],
      );
      assert.equal(exitCode, 0);
    });

    it('survives its agent, which finds it again', LIMIT, async () => {
      const agent = running.federation.agents.get('naist');
      await agent?.stop();
      assert.equal((await domains()).length, 2);
      await agent?.start();
      assert.equal((await domains()).length, 2);
    });

    it('stopped is off, keeps what is on its disks over a new start, and answers as before', LIMIT, async () => {
      const { member, host } = running.federation;
      const steer = (verb: string) => member.ask<Deployment>(['deployment', verb, first.deploymentId, '--wait']);
      const address = first.nodes?.[0]?.publicAddress ?? '';
      await onFrontend(address, 'touch /root/kept && sync');
      assert.equal((await steer('stop')).phase, 'STOPPED');
      const uri = host.libvirtd.uri;
      const { stdout } = await runProgram('virsh', ['--quiet', '--connect', uri, 'list', '--name']);
      assert.deepEqual(stdout.split('\n').filter(Boolean), [], 'nothing is on');
      assert.equal((await domains()).length, 2, 'nothing is gone');

      const agent = running.federation.agents.get('naist');
      await agent?.stop();
      await agent?.start();
      assert.equal((await domains()).length, 2, 'the agent takes it for no orphan');

      const started = await steer('start');
      assert.equal(started.phase, 'RUNNING');
      assert.deepEqual(started.nodes, first.nodes);
      assert.equal(started.timeline?.bytesFetched, 0);
      await onFrontend(address, 'test -e /root/kept');
      const names = await askEveryNode(running.keyFile, address, 1);
      assert.deepEqual(names, [`vc-${address.replaceAll('.', '-')}`, 'compute-0']);
    });

    it('scaled has more computes, or fewer, while its frontend runs on and knows them', LIMIT, async () => {
      const { member, agents } = running.federation;
      const { deploymentId, nodes } = first;
      const address = nodes?.[0]?.publicAddress ?? '';
      const scale = (computes: number) =>
        member.ask<Deployment>(['deployment', 'scale', deploymentId, '--computes', String(computes), '--wait']);
      const bootId = async (): Promise<string> => {
        const command = 'cat /proc/sys/kernel/random/boot_id';
        return (await runProgram('ssh', [...sshArguments(running.keyFile, address), command])).stdout;
      };
      const before = await bootId();
      assert.match(before, /^[0-9a-f-]{36}\n$/);

      // Its agent is killed while the further compute comes up.
      const agent = agents.get('naist');
      const growing = scale(2);
      await agent?.awaitLine(({ msg, phase }) => msg === 'phase reached' && phase === 'SCALING');
      await agent?.stop('SIGKILL');
      await agent?.start();
      const grown = await growing;
      assert.deepEqual(
        [grown.phase, grown.failure, grown.nodes?.map(({ name }) => name)],
        ['RUNNING', undefined, ['frontend', 'compute-0', 'compute-1']],
      );
      const host = `vc-${address.replaceAll('.', '-')}`;
      assert.deepEqual(await askEveryNode(running.keyFile, address, 2), [host, 'compute-0', 'compute-1']);
      await onFrontend(address, 'grep -x compute-1 /tmp/machinefile');

      const shrunk = await scale(1);
      assert.deepEqual([shrunk.phase, shrunk.nodes], ['RUNNING', nodes]);
      assert.equal((await domains()).length, 2);
      await onFrontend(address, '! grep compute-1 /tmp/machinefile /etc/hosts && test -e /root/kept');
      assert.deepEqual(await askEveryNode(running.keyFile, address, 1), [host, 'compute-0']);
      assert.equal(await bootId(), before, 'the frontend was never turned off');
    });

    it('deployed again fetches nothing', LIMIT, async () => {
      const stats = running.federation.cloud.distribution.stats();
      const before = Object.values(stats).reduce((sum, { bytes }) => sum + bytes, 0);
      const second = await running.run('naist', '--computes', '1');
      const now = Object.values(running.federation.cloud.distribution.stats()).reduce(
        (sum, { bytes }) => sum + bytes,
        0,
      );
      assert.equal(second.timeline?.bytesFetched, 0);
      assert.equal(now - before, 0);
      assert.equal((await domains()).length, 4);
      await running.destroy(second);
      assert.equal((await domains()).length, 2);
    });

    it('begun by an agent that is stopped in the middle is finished by the next one', LIMIT, async () => {
      const agent = running.federation.agents.get('ucsd');
      const creating = running.run('ucsd');
      await agent?.awaitLine(({ msg, phase }) => msg === 'phase reached' && phase === 'BOOTING');
      await agent?.stop();
      await agent?.start();
      const deployment = await creating;
      assert.equal(deployment.phase, 'RUNNING');
      assert.equal((await domains()).length, 3);
      await running.destroy(deployment);
    });

    it('goes on when libvirtd is stopped in the middle and comes back', LIMIT, async () => {
      const { agents, host } = running.federation;
      const agent = agents.get('ucsd');
      const creating = running.run('ucsd');
      await agent?.awaitLine(({ msg, phase }) => msg === 'phase reached' && phase === 'PERSONALIZING');
      await host.libvirtd.stopDaemon();
      const putOff = await agent?.awaitLine(({ msg }) => msg.startsWith('put off'));
      assert.equal(putOff?.['errorCode'], 'HYPERVISOR_BUSY');
      await host.libvirtd.startDaemon();
      const deployment = await creating;
      assert.equal(deployment.phase, 'RUNNING');
      await running.destroy(deployment);
    });

    it('destroyed leaves nothing', LIMIT, async () => {
      await running.destroy(first);
      assert.deepEqual(await running.leftovers(), []);
      const phases = await running.federation.member.ask<Deployment[]>(['deployment', 'list']);
      assert.deepEqual(new Set(phases.map(({ phase }) => phase)), new Set(['TERMINATED']));
    });

    it('left no secret in any log, whatever happened', async () => {
      const { federation, lines } = running;
      const { member, operator, agents } = federation;
      const known: Record<string, string> = {};
      for (const person of [member, operator]) {
        const session = JSON.parse(await readFile(person.file('config/session.json'), 'utf8')) as Record<
          string,
          string
        >;
        for (const name of ['accessToken', 'refreshToken']) {
          if (session[name] !== undefined) known[`${name} of ${person.id}`] = session[name];
        }
      }
      assert.ok(Object.keys(known).length >= 2);
      const logs = {
        'the cloud': lines.join('\n'),
        'the audit trail': JSON.stringify(await trail()),
        ...Object.fromEntries([...agents].map(([siteId, agent]) => [siteId, JSON.stringify(agent.log)])),
      };
      for (const [whose, text] of Object.entries(logs)) {
        assert.ok(text.includes('deploymentId'), `${whose} has logged nothing of deployments`);
        assert.deepEqual(findSecrets(text, known), [], `in the log of ${whose}`);
      }
    });
  });
}
