/** One message, from receipt to deletion: what becomes of it, and of the cluster, when something goes wrong. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { applyReport } from '#shared/apply-report.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import { applyWarmingReport } from '#shared/warming.ts';
import { openClusterFiles } from '../../edge-agent/adapters/file-cluster-files.ts';
import { openFileJournal } from '../../edge-agent/adapters/file-journal.ts';
import { makeImageCache } from '../helpers/image-cache.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { nodeFiles, planCluster } from '../../edge-agent/core/plan-cluster.ts';
import { createMessageHandler, type HandlePorts } from '../../edge-agent/handle-message.ts';
import type { FederationApi, HypervisorDriver, JournalEntry, ReceivedMessage } from '../../edge-agent/ports.ts';
import { serializer } from '../../edge-agent/serialize.ts';
import { deployedNodes } from '../../edge-agent/steps/report-status.ts';
import {
  PUBLIC_NETWORK,
  SSH_KEY,
  sampleDeployment,
  sampleImage,
  sampleImageVersion,
  sampleWarming,
} from '../helpers/model-samples.ts';
import { makeGrant } from '../helpers/edge-fixture.ts';
import { flowOf } from '../helpers/flow.ts';

const SILENT: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const TIMELINE = {
  messageReceivedAt: '2026-11-23T09:00:00.000Z',
  steps: [],
  bytesFetched: 0,
  partsFetched: 0,
  edgeLocations: [],
  cacheHits: 0,
  cacheMisses: 0,
  acceleration: 'kvm',
} as const;

/** The control plane's side of one deployment, by the real state machine; the next answers may be spoiled. */
class ControlPlane {
  row: Deployment;
  warming = sampleWarming();
  readonly spoiled: EdgebootError[] = [];
  constructor(row: Deployment) {
    this.row = row;
  }

  readonly api: FederationApi = {
    readJob: (deploymentId) => {
      if (deploymentId !== this.row.deploymentId) return Promise.reject(new EdgebootError('NOT_FOUND', 'no such job'));
      const image = { ...sampleImageVersion(sampleImage()), imageId: this.row.imageId };
      return Promise.resolve({ deployment: this.row, image });
    },
    report: async (_deploymentId, report) => {
      const spoiled = this.spoiled.shift();
      if (spoiled) throw spoiled;
      this.row = applyReport(this.row, report, new Date().toISOString()).row;
      return Promise.resolve();
    },
    renewGrant: () => Promise.reject(new EdgebootError('SERVICE_UNAVAILABLE', 'not here')),
    readWarming: (warmingId) => {
      if (warmingId === this.warming.warmingId) {
        return Promise.resolve({ warming: this.warming, image: sampleImageVersion(sampleImage()) });
      }
      return Promise.reject(new EdgebootError('NOT_FOUND', 'no such warming'));
    },
    reportWarming: (_warmingId, report) => {
      this.warming = applyWarmingReport(this.warming, report, new Date().toISOString());
      return Promise.resolve();
    },
    renewWarmingGrant: () => Promise.reject(new Error('not asked for')),
    openSession: () => Promise.reject(new Error('not asked for')),
    announce: () => Promise.resolve(),
  };
}

describe('a message', () => {
  let directory: string;
  let control: ControlPlane;
  let ports: HandlePorts;
  let running: string[];
  let done: string[];
  let handle: (message: ReceivedMessage) => Promise<void>;
  let shutdown: AbortController;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'edgeboot-handle-'));
    control = new ControlPlane(
      sampleDeployment({ desired: { power: 'on', computes: 0, cpusPerCompute: 1, generation: 1 } }),
    );
    running = [];
    done = [];
    shutdown = new AbortController();
    const hypervisor: HypervisorDriver = {
      describeHost: () => Promise.resolve({ cpus: 4, memoryMiB: 4096, acceleration: 'kvm' }),
      prepare: () => Promise.resolve(),
      boot: (_cluster, { name }) => Promise.resolve(void running.push(name)),
      observe: (siteId) => {
        const nodes = running.map((name) => ({ name, running: true }));
        return Promise.resolve([{ siteId, deploymentId: control.row.deploymentId, nodes, hasNetwork: true }]);
      },
      destroy: () => {
        done.push('destroy domains');
        running = [];
        return Promise.resolve();
      },
      stop: () => {
        done.push('shut down');
        running = [];
        return Promise.resolve();
      },
      removeNodes: (_cluster, names) => {
        done.push(`remove ${names.join(' ')}`);
        running = running.filter((name) => !names.includes(name));
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    ports = {
      api: control.api,
      hypervisor,
      log: SILENT,
      agentId: 'agent-1',
      host: { cpus: 4, memoryMiB: 4096, acceleration: 'kvm' },
      queue: {
        receive: () => Promise.resolve([]),
        extend: (_message, seconds) => Promise.resolve(void done.push(`visible in ${seconds} s`)),
        delete: () => Promise.resolve(void done.push('delete')),
      },
      journal: await openFileJournal(directory),
      clusterFiles: await openClusterFiles(directory),
      nodeDisks: {
        createOverlay: () => Promise.resolve(),
        personalize: () => Promise.resolve({ hasCloudInit: false }),
        createSeed: () => Promise.resolve(),
      },
      userData: { open: () => Promise.resolve(), close: () => Promise.resolve() },
      clusterKey: () => Promise.resolve({ privateKey: '', publicKey: SSH_KEY }),
      ensurePublicNetwork: () => Promise.resolve(),
      publicBridge: () => Promise.resolve(undefined),
      isAddressInUse: () => Promise.resolve(false),
      guestSignals: { awaitReady: () => Promise.resolve('guest-kit') },
      tellGuest: () => Promise.resolve(true),
      baseImages: new BaseImages({ cache: makeImageCache(directory) }),
      imageCache: makeImageCache(directory),
      manifestDirectory: directory,
      openRepository: () => Promise.reject(new EdgebootError('PART_UNAVAILABLE', 'no edge answers')),
      rootPublicKeyPem: '',
      flow: flowOf(1),
      resources: { cpus: 4, memoryMiB: 8192, publicNetwork: PUBLIC_NETWORK },
      allocating: serializer(),
      readyTimeoutSeconds: 1,
    };
    handle = createMessageHandler(ports, shutdown.signal);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const received = (body: unknown, receiveCount = 1): ReceivedMessage => ({
    messageId: 'm-1',
    receiptHandle: 'r-1',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    receiveCount,
    receivedAt: new Date(),
  });
  const announcing = (generation = 1, receiveCount = 1) =>
    received({ schemaVersion: 1, deploymentId: control.row.deploymentId, generation }, receiveCount);

  /** As after a crash: the cluster is up, or given up, and the journal says so. */
  async function journal(outcome: Pick<JournalEntry, 'running' | 'failed'>): Promise<void> {
    const { deploymentId, siteId, imageName, memoryMiB, sshPublicKeys, desired } = control.row;
    const computeCpus = Array.from({ length: desired.computes }, () => 1);
    const wish = { deploymentId, siteId, imageName, memoryMiB, sshPublicKeys, computeCpus };
    const plan = planCluster(wish, '192.0.2.10', PUBLIC_NETWORK);
    control.row = { ...control.row, phase: 'BOOTING', agentId: 'agent-1' };
    await ports.journal.write({ deploymentId, generation: 1, plan, startedAt: TIMELINE.messageReceivedAt, ...outcome });
  }
  const up = { running: { timeline: { ...TIMELINE, steps: [], edgeLocations: [] } } };
  const failure = { code: 'BOOT_TIMEOUT', message: 'it did not come up', remedy: 'look at the console' };

  it('fault 27: for a deployment that is not of this site is quarantined', async () => {
    await handle(received({ schemaVersion: 1, deploymentId: sampleDeployment().deploymentId, generation: 1 }));
    assert.deepEqual(done, ['delete']);
    assert.equal((await readdir(path.join(directory, 'quarantine'))).length, 1);
  });

  it('fault 21, fault 25: of a past wish, or of one that is fulfilled, is deleted without any work', async () => {
    control.row = { ...control.row, phase: 'RUNNING', agentId: 'agent-1' };
    await handle(announcing());
    control.row = { ...control.row, desired: { power: 'on', computes: 0, cpusPerCompute: 1, generation: 2 } };
    await handle(announcing(1));
    assert.deepEqual(done, ['delete', 'delete']);
  });

  it('fault 34: whose report was lost is reported again, and the cluster left alone', async () => {
    await journal(up);
    running = ['frontend'];
    await handle(announcing());
    assert.equal(control.row.phase, 'RUNNING');
    assert.deepEqual(done, ['delete']);
  });

  it('is put off when the API does not take the report; the cluster runs on', async () => {
    await journal(up);
    running = ['frontend'];
    control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await handle(announcing());
    assert.deepEqual(done, ['visible in 5 s']);
    assert.deepEqual(running, ['frontend']);
    await handle(announcing(1, 2));
    assert.equal(control.row.phase, 'RUNNING');
  });

  it('fault 34: whose report is not taken costs no cluster that is up, however often it is tried', async () => {
    await journal(up);
    running = ['frontend'];
    control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await handle(announcing(1, 19));
    assert.deepEqual([done, running], [['visible in 120 s'], ['frontend']]);
    await handle(announcing(1, 20));
    assert.deepEqual([control.row.phase, done.at(-1)], ['RUNNING', 'delete']);
  });

  for (const phase of ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'] as const) {
    it(`finds a row that was put back to ${phase}: a cluster that is up is reported, one that is off booted on its disks`, async () => {
      const overlay = await ran(phase, 'on');
      const forgotten = { ...control.row, nodes: undefined, desired: { ...control.row.desired, generation: 1 } };
      control.row = forgotten;
      running = ['frontend'];
      await handle(announcing());
      assert.deepEqual([control.row.phase, done, running], ['RUNNING', ['delete'], ['frontend']]);

      control.row = forgotten;
      running = [];
      await handle(announcing());
      assert.deepEqual([control.row.phase, done, running], ['RUNNING', ['delete', 'delete'], ['frontend']]);

      control.row = forgotten;
      running = [];
      const late = new EdgebootError('BOOT_TIMEOUT', 'it did not come up');
      const guestSignals = { awaitReady: () => Promise.reject(late) };
      await createMessageHandler({ ...ports, guestSignals }, shutdown.signal)(announcing());
      assert.deepEqual([control.row.phase, control.row.failure?.code], ['STOPPED', 'BOOT_TIMEOUT']);
      assert.deepEqual(
        control.row.nodes?.map(({ name }) => name),
        ['frontend'],
        'known to have run from now on',
      );
      assert.equal(await readFile(overlay, 'utf8'), 'as it was');
    });
  }

  it('whose row is gone while it is worked on leaves nothing, not even its place', async () => {
    const gone = new EdgebootError('NOT_FOUND', 'there is no such deployment');
    let reports = 0;
    const report: FederationApi['report'] = async (...args) => {
      if (++reports > 1) throw gone;
      return control.api.report(...args);
    };
    await createMessageHandler({ ...ports, api: { ...control.api, report } }, shutdown.signal)(announcing(1, 12));
    assert.deepEqual([done, reports], [['destroy domains', 'delete'], 2]);
    assert.deepEqual([await ports.journal.list(), await ports.clusterFiles.list()], [[], []]);
  });

  for (const [what, body] of [
    ['is no JSON', '{"schemaVersion": 1,'],
    ['is of an unknown version', '{"schemaVersion": 9}'],
    ['is as large as a message may be', JSON.stringify({ schemaVersion: 1, deploymentId: 'x'.repeat(262_000) })],
  ] as const) {
    it(`fault 24: that ${what} is quarantined with the reason, and the queue flows`, async () => {
      await handle(received(body));
      assert.deepEqual(done, ['delete']);
      const [name] = await readdir(path.join(directory, 'quarantine'));
      const kept = JSON.parse(await readFile(path.join(directory, 'quarantine', name ?? ''), 'utf8')) as object;
      assert.ok(
        'reason' in kept && /^the message (?:is not JSON|does not follow the schema at: )/.test(String(kept.reason)),
      );
      assert.ok('body' in kept && kept.body === body);
      await handle(announcing());
      assert.equal(control.row.phase, 'FETCHING');
    });
  }

  it('that was given up is only reported, never begun again', async () => {
    await journal({ failed: failure });
    running = ['frontend'];
    control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await handle(announcing());
    assert.deepEqual(done, ['destroy domains', 'visible in 5 s']);
    await handle(announcing(1, 2));
    assert.equal(control.row.phase, 'FAILED');
    assert.equal(control.row.failure?.code, 'BOOT_TIMEOUT');
    assert.equal(await ports.journal.read(control.row.deploymentId), undefined);
  });

  it('is put off while there is hope, and failed before SQS takes it away', async () => {
    await handle(announcing());
    assert.equal(control.row.phase, 'FETCHING');
    assert.deepEqual(done.slice(-1), ['visible in 5 s']);
    await handle(announcing(1, 12));
    assert.equal(control.row.phase, 'FAILED');
    assert.deepEqual([control.row.failure?.code, done.at(-1)], ['SERVICE_UNAVAILABLE', 'delete']);
    assert.deepEqual(await ports.journal.list(), []);
    assert.deepEqual(await ports.clusterFiles.list(), []);
  });

  it('that wants the cluster gone clears everything, then says so', async () => {
    await journal(up);
    control.row = {
      ...control.row,
      phase: 'RUNNING',
      desired: { power: 'destroyed', computes: 0, cpusPerCompute: 1, generation: 2 },
    };
    await handle(announcing(2));
    assert.equal(control.row.phase, 'TERMINATED');
    assert.deepEqual(done, ['destroy domains', 'delete']);
    assert.deepEqual(await ports.journal.list(), []);
  });

  /** A cluster that has run, with what is on its disks. */
  async function ran(phase: Deployment['phase'], power: 'on' | 'off'): Promise<string> {
    await journal(up);
    const { deploymentId } = control.row;
    const entry = (await ports.journal.read(deploymentId)) ?? assert.fail();
    const base = ports.imageCache.folderOf('a'.repeat(64)).disk;
    await ports.journal.write({ ...entry, bases: ['a'.repeat(64)] });
    const overlay = nodeFiles(await ports.clusterFiles.makeDirectory(deploymentId), 'frontend').overlayFile;
    await mkdir(path.dirname(base), { recursive: true });
    for (const file of [base, overlay]) await writeFile(file, 'as it was');
    const nodes = [{ name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' }];
    control.row = { ...control.row, phase, nodes, desired: { ...control.row.desired, power, generation: 2 } };
    return overlay;
  }

  /** A cluster that runs with so many computes. */
  async function runs(computes: number): Promise<void> {
    control.row = { ...control.row, desired: { power: 'on', computes, cpusPerCompute: 1, generation: 1 } };
    await ran('RUNNING', 'on');
    const { plan } = (await ports.journal.read(control.row.deploymentId)) ?? assert.fail();
    for (const { name } of plan.nodes) {
      await writeFile(nodeFiles(ports.clusterFiles.directoryOf(plan.deploymentId), name).overlayFile, 'as it was');
    }
    running = plan.nodes.map(({ name }) => name);
    control.row = { ...control.row, nodes: deployedNodes(plan) };
  }
  const wishComputes = (computes: number): void => {
    control.row = { ...control.row, desired: { power: 'on', computes, cpusPerCompute: 1, generation: 2 } };
  };
  const overlays = async (): Promise<string[]> => {
    const files = await readdir(ports.clusterFiles.directoryOf(control.row.deploymentId));
    return files.filter((name) => name.endsWith('.qcow2')).sort();
  };
  const nodeNames = () => control.row.nodes?.map(({ name }) => name);

  it('that wants fewer computes tells the frontend, then stops and removes the last ones; the others run on', async () => {
    await runs(3);
    wishComputes(1);
    // Its site offers that network no more: nothing is asked of it now.
    control.row = { ...control.row, extraInterfaces: ['withdrawn'] };
    const told: string[] = [];
    ports = { ...ports, tellGuest: (_socket, document) => (told.push(document), Promise.resolve(true)) };
    handle = createMessageHandler(ports, shutdown.signal);
    await handle(announcing(2));
    assert.deepEqual([control.row.phase, nodeNames()], ['RUNNING', ['frontend', 'compute-0']]);
    assert.deepEqual(done, ['remove compute-1 compute-2', 'delete']);
    assert.match(told.join(), /compute count="1"/);
    assert.deepEqual(await overlays(), ['compute-0.qcow2', 'frontend.qcow2']);
    const { plan } = (await ports.journal.read(control.row.deploymentId)) ?? assert.fail();
    assert.equal(plan.nodes.length, 2, 'their place is free');
  });

  it('that wants more computes than there is room for leaves the cluster as it was, and says why', async () => {
    await runs(1);
    wishComputes(5);
    await handle(announcing(2));
    const { phase, desired, failure: said } = control.row;
    assert.deepEqual([phase, desired.computes, said?.code], ['RUNNING', 1, 'NO_CAPACITY']);
    assert.deepEqual(
      [running, nodeNames()],
      [
        ['frontend', 'compute-0'],
        ['frontend', 'compute-0'],
      ],
    );
    assert.deepEqual(done, ['delete']);
  });

  it('that wants more computes whose image does not come is put off, then given up; nothing of them stays', async () => {
    await runs(1);
    wishComputes(2);
    await handle(announcing(2));
    const entry = async () => (await ports.journal.read(control.row.deploymentId)) ?? assert.fail();
    assert.deepEqual([control.row.phase, done], ['SCALING', ['visible in 5 s']]);
    assert.deepEqual([(await entry()).fresh, (await entry()).plan.nodes.length], [['compute-1'], 3]);
    await handle(announcing(2, 12));
    assert.deepEqual([control.row.phase, control.row.desired.computes], ['RUNNING', 1]);
    assert.equal(control.row.failure?.code, 'SERVICE_UNAVAILABLE');
    assert.deepEqual([(await entry()).fresh, (await entry()).plan.nodes.length], [[], 2]);
    assert.deepEqual(await overlays(), ['compute-0.qcow2', 'frontend.qcow2']);
    assert.deepEqual(running, ['frontend', 'compute-0']);
  });

  it('that wants the cluster off while computes are still to come forgets those', async () => {
    await runs(1);
    wishComputes(2);
    await handle(announcing(2));
    control.row = { ...control.row, desired: { ...control.row.desired, power: 'off', generation: 3 } };
    await handle(announcing(3));
    const { phase, desired } = control.row;
    assert.deepEqual([phase, desired.computes, desired.power], ['STOPPED', 1, 'off']);
    assert.equal((await ports.journal.read(control.row.deploymentId))?.plan.nodes.length, 2);
  });

  it('to start a cluster whose frontend had not heard of a change writes it into its disk first', async () => {
    await runs(1);
    wishComputes(0);
    const written: string[] = [];
    ports = {
      ...ports,
      tellGuest: () => Promise.resolve(false),
      nodeDisks: {
        ...ports.nodeDisks,
        personalize: (overlay, files) => {
          written.push(
            `${path.basename(overlay)} ${String(files[0]?.content.includes('count="0"'))} ${running.length}`,
          );
          return Promise.resolve({ hasCloudInit: false });
        },
      },
    };
    handle = createMessageHandler(ports, shutdown.signal);
    await handle(announcing(2));
    assert.deepEqual([control.row.phase, written], ['RUNNING', []], 'a disk in use is not written to');
    for (const [power, generation] of [
      ['off', 3],
      ['on', 4],
      ['off', 5],
      ['on', 6],
    ] as const) {
      control.row = { ...control.row, desired: { ...control.row.desired, power, generation } };
      await handle(announcing(generation));
    }
    assert.deepEqual(written, ['frontend.qcow2 true 0'], 'once, before it is turned on');
  });

  it('that wants the cluster off shuts it down, and keeps its disks and its place', async () => {
    const overlay = await ran('RUNNING', 'off');
    running = ['frontend'];
    await handle(announcing(2));
    assert.equal(control.row.phase, 'STOPPED');
    assert.deepEqual(done, ['shut down', 'delete']);
    await handle(announcing(2));
    assert.deepEqual(done, ['shut down', 'delete', 'delete'], 'a copy finds it done');
    assert.equal(await readFile(overlay, 'utf8'), 'as it was');
    assert.equal((await ports.journal.list()).length, 1);
  });

  it('fault 22, fault 32: to stop a cluster is let go of at once, however long its guests take to end', async () => {
    await ran('RUNNING', 'off');
    running = ['frontend'];
    const waiting = Promise.withResolvers<undefined>();
    const stop: HypervisorDriver['stop'] = async (_cluster, _graceSeconds, signal) => {
      waiting.resolve(undefined);
      await once(signal, 'abort');
      throw signal.reason;
    };
    const hypervisor = { ...ports.hypervisor, stop };
    const handling = createMessageHandler({ ...ports, hypervisor }, shutdown.signal)(announcing(2));
    await waiting.promise;
    shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await handling;
    assert.deepEqual([control.row.phase, done], ['STOPPING', ['visible in 0 s']]);
  });

  it('that finds the cluster half shut down goes on with it, as after a crash', async () => {
    await ran('STOPPING', 'off');
    control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await handle(announcing(2));
    await handle(announcing(2, 2));
    assert.equal(control.row.phase, 'STOPPED');
    assert.deepEqual(done, ['visible in 5 s', 'shut down', 'delete']);
  });

  it('that wants the cluster on again boots its nodes on the disks that it has, and fetches nothing', async () => {
    const overlay = await ran('STOPPED', 'on');
    await handle(announcing(2));
    assert.equal(control.row.phase, 'RUNNING');
    assert.deepEqual([running, done], [['frontend'], ['delete']]);
    assert.deepEqual(
      control.row.nodes?.map(({ privateAddress, publicAddress }) => [privateAddress, publicAddress]),
      [['10.1.1.1', '192.0.2.10']],
    );
    assert.equal(control.row.timeline?.bytesFetched, 0);
    assert.equal(await readFile(overlay, 'utf8'), 'as it was');
  });

  it('to start that comes again after a crash, or a lost report, keeps the disks, too', async () => {
    const overlay = await ran('BOOTING', 'on');
    running = ['frontend'];
    await handle(announcing(2));
    assert.equal(control.row.phase, 'RUNNING');
    assert.deepEqual(done, ['delete'], 'nothing was cleared away');
    assert.equal(await readFile(overlay, 'utf8'), 'as it was');
  });

  it('to start a cluster that does not come up leaves it off, with its disks, and says why', async () => {
    const overlay = await ran('STOPPED', 'on');
    const late = new EdgebootError('BOOT_TIMEOUT', 'it did not come up');
    handle = createMessageHandler(
      { ...ports, guestSignals: { awaitReady: () => Promise.reject(late) } },
      shutdown.signal,
    );
    await handle(announcing(2));
    assert.deepEqual([control.row.phase, control.row.desired.power], ['STOPPED', 'off']);
    assert.equal(control.row.failure?.code, 'BOOT_TIMEOUT');
    assert.deepEqual(done, ['shut down', 'delete']);
    assert.equal(await readFile(overlay, 'utf8'), 'as it was');
    assert.equal((await ports.journal.list()).length, 1);
  });

  it('to start a cluster that has lost a disk boots nothing', async () => {
    await rm(await ran('STOPPED', 'on'));
    await handle(announcing(2));
    assert.deepEqual([control.row.phase, control.row.failure?.code], ['STOPPED', 'CONFLICT']);
    assert.match(control.row.failure?.message ?? '', /the disk of frontend is gone/);
    assert.deepEqual(running, []);
  });

  it('is given back at once when the agent is stopped', async () => {
    shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await handle(announcing());
    assert.deepEqual(done, ['visible in 0 s']);
  });

  it('fault 60: of another agent’s cluster is left to that agent', async () => {
    control.row = { ...control.row, phase: 'BOOTING', agentId: 'agent-2' };
    await handle(announcing());
    assert.deepEqual(done, ['visible in 5 s']);
    assert.equal(control.row.agentId, 'agent-2');
  });

  it('that asks for more than the site has fails with that reason, and leaves nothing', async () => {
    control.row = { ...control.row, desired: { power: 'on', computes: 9, cpusPerCompute: 1, generation: 1 } };
    await handle(announcing());
    assert.deepEqual([control.row.phase, control.row.failure?.code], ['FAILED', 'NO_CAPACITY']);
    assert.deepEqual(await ports.journal.list(), []);
  });

  const warmingMessage = (receiveCount = 1, warmingId = control.warming.warmingId) =>
    received({ schemaVersion: 1, warmingId, grant: makeGrant('http://edge.test') }, receiveCount);

  it('about a warming is put off while there is hope, and failed before SQS takes it away', async () => {
    await handle(warmingMessage());
    assert.equal(control.warming.phase, 'FETCHING');
    assert.deepEqual(done, ['visible in 5 s'], 'no edge answers');
    await handle(warmingMessage(12));
    assert.deepEqual([control.warming.phase, control.warming.failure?.code], ['FAILED', 'PART_UNAVAILABLE']);
    assert.equal(done.at(-1), 'delete');
    await handle(warmingMessage(13));
    assert.deepEqual(done.slice(-2), ['delete', 'delete'], 'a copy that comes later finds it over');
  });

  it('about a warming is given back at once when the agent is stopped', async () => {
    shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await handle(warmingMessage());
    assert.deepEqual([control.warming.phase, done], ['ACCEPTED', ['visible in 0 s']]);
  });

  it('about a warming that is not of this site is quarantined', async () => {
    await handle(warmingMessage(1, sampleWarming().warmingId));
    assert.deepEqual(done, ['delete']);
    assert.equal((await readdir(path.join(directory, 'quarantine'))).length, 1);
  });

  it('about a warming touches no cluster, and asks for no room', async () => {
    ports = { ...ports, resources: { cpus: 0, memoryMiB: 0, publicNetwork: PUBLIC_NETWORK } };
    handle = createMessageHandler(ports, shutdown.signal);
    await handle(warmingMessage(12));
    assert.deepEqual(done, ['delete']);
    assert.deepEqual([await ports.journal.list(), await ports.clusterFiles.list(), running], [[], [], []]);
  });
});
