/**
 * Fault 28 for a cluster that is turned off and on again, with real guests on both drivers: SIGKILL of the agent at every point of a
 * stop and of a start. The next agent finishes the wish; no disk is lost or made anew, and nothing is orphaned.
 */
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GetQueueUrlCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Deployment } from '#shared/deployment.ts';
import { DEBIAN_QEMU_USER } from '#shared/host/probe-acceleration.ts';
import { parse, stringify } from 'yaml';
import { askEveryNode, sshArguments } from '../../local/demo/proof.ts';
import { runProgram } from '../../local/federation/program.ts';
import type { SiteAgent } from '../../local/federation/site-agent.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { awaitState } from '../helpers/awaited-state.ts';
import { pidsOf } from '../helpers/driver-host.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type RunningFederation, runFederation } from '../helpers/running-federation.ts';

const LIMIT = { timeout: 600_000 };
const SITES = { naist: 'libvirt', ucsd: 'qemu' } as const;
type SiteId = keyof typeof SITES;
const NODES = [{ name: 'frontend' }, { name: 'compute-0' }];
/** So soon after a crash the message comes again; the agent's own heartbeat is slower, which makes duplicates, too. */
const VISIBILITY_SECONDS = '5';

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1500, prepare: prepareGuest('sample') })) {
  for (const siteId of Object.keys(SITES) as SiteId[]) {
    describe(`fault 28: SIGKILL of the agent while it turns a cluster off and on, on ${SITES[siteId]}`, LIMIT, () => {
      const undo = new AsyncDisposableStack();
      let running: RunningFederation;
      let agent: SiteAgent;
      let cluster: Deployment;
      let disks: unknown;

      before(async () => {
        running = await runFederation(undo, { siteIds: [siteId], beforeAgents: useDriver });
        agent = running.federation.agents.get(siteId) ?? assert.fail();
        cluster = await running.run(siteId, '--computes', '1');
        disks = await identifyDisks();
        await onFrontend('touch /root/kept && sync');
        const { sqs } = running.aws;
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `edgeboot-local-site-${siteId}` }));
        const Attributes = { VisibilityTimeout: VISIBILITY_SECONDS };
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
      }, LIMIT);
      after(() => undo.disposeAsync(), LIMIT);

      const useDriver = async ({ agents }: RunningFederation['federation']): Promise<void> => {
        if (SITES[siteId] === 'libvirt') return;
        const file = agents.get(siteId)?.configFile ?? assert.fail();
        const config = parse(await readFile(file, 'utf8')) as { readonly publicNetwork: object };
        const publicNetwork = { ...config.publicNetwork, libvirtNetwork: undefined, bridge: 'ebpub0' };
        const host = { driver: 'qemu', qemuUser: DEBIAN_QEMU_USER, libvirtUri: undefined, publicNetwork };
        await writeFile(file, stringify({ ...config, ...host }));
      };
      const directory = () => path.join(agent.stateDirectory, 'clusters', cluster.deploymentId);
      /** A file that is made anew, even under its old inode, is born anew. */
      const identifyDisks = () =>
        Promise.all(
          NODES.map(async ({ name }) => {
            const { ino, birthtimeMs } = await stat(path.join(directory(), `${name}.qcow2`));
            return [name, ino, birthtimeMs];
          }),
        );
      const onFrontend = async (command: string): Promise<void> => {
        const address = cluster.nodes?.[0]?.publicAddress ?? '';
        const { exitCode, stderr } = await runProgram('ssh', [...sshArguments(running.keyFile, address), command]);
        assert.equal(exitCode, 0, stderr);
      };
      const nodesOn = async (): Promise<number> =>
        (await Promise.all(NODES.map((node) => pidsOf(cluster, node)))).flat().length;
      const reported = (phase: string) => () =>
        agent.awaitLine((line) => line.msg === 'phase reached' && line['phase'] === phase);
      const nodes = (isSo: (on: number) => boolean) => () => awaitState(async () => isSo(await nodesOn()));

      /** The agent is killed at this point; the next one gets the message again. */
      async function steer(verb: 'stop' | 'start', reachPoint: () => Promise<unknown>): Promise<Deployment> {
        const crash = async (point: Promise<unknown>): Promise<void> => {
          await point;
          await agent.stop('SIGKILL');
          await agent.start();
        };
        const crashing = crash(reachPoint());
        const { member } = running.federation;
        const steering = member.ask<Deployment>(['deployment', verb, cluster.deploymentId, '--wait']);
        return (await Promise.all([steering, crashing]))[0];
      }

      const points = [
        {
          stop: ['STOPPING is reported', reported('STOPPING')],
          start: ['BOOTING is reported', reported('BOOTING')],
        },
        {
          stop: ['one node is off', nodes((on) => on < NODES.length)],
          start: ['one node is on', nodes((on) => on > 0)],
        },
        {
          stop: ['all nodes are off', nodes((on) => on === 0)],
          start: ['all nodes are on', nodes((on) => on === NODES.length)],
        },
        {
          stop: ['STOPPED is reported', reported('STOPPED')],
          start: ['RUNNING is reported', reported('RUNNING')],
        },
      ] as const;
      for (const { stop, start } of points) {
        it(`once ${stop[0]} of a stop, and once ${start[0]} of a start`, LIMIT, async () => {
          assert.equal((await steer('stop', stop[1])).phase, 'STOPPED');
          assert.equal(await nodesOn(), 0);
          assert.deepEqual(await identifyDisks(), disks);

          const started = await steer('start', start[1]);
          assert.equal(started.phase, 'RUNNING');
          assert.deepEqual(started.nodes, cluster.nodes);
          assert.equal(await nodesOn(), NODES.length);
          assert.deepEqual(await identifyDisks(), disks);
          await onFrontend('test -e /root/kept');
          const names = await askEveryNode(running.keyFile, cluster.nodes?.[0]?.publicAddress ?? '', 1);
          assert.equal(names.length, NODES.length);
        });
      }

      it('leaves nothing once it is destroyed', LIMIT, async () => {
        await running.destroy(cluster);
        await awaitState(async () => (await running.leftovers()).every((line) => !line.startsWith('queue ')));
        assert.deepEqual(await running.leftovers(), []);
      });
    });
  }
}
