/**
 * A site's agent that is handed messages: its own code on files in a temporary directory, with a control plane, a queue and a hypervisor
 * that note what is asked of them.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyReport } from '#shared/apply-report.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { applyWarmingReport } from '#shared/warming.ts';
import { openClusterFiles } from '../../edge-agent/adapters/file-cluster-files.ts';
import { openFileJournal } from '../../edge-agent/adapters/file-journal.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { nodeFiles, planCluster } from '../../edge-agent/core/plan-cluster.ts';
import { createMessageHandler, type HandlePorts } from '../../edge-agent/handle-message.ts';
import type { FederationApi, HypervisorDriver, JournalEntry, ReceivedMessage } from '../../edge-agent/ports.ts';
import { serializer } from '../../edge-agent/serialize.ts';
import { deployedNodes } from '../../edge-agent/steps/report-status.ts';
import { SILENT } from './control-plane.ts';
import { flowOf } from './flow.ts';
import { makeImageCache } from './image-cache.ts';
import {
  PUBLIC_NETWORK,
  SSH_KEY,
  sampleDeployment,
  sampleImage,
  sampleImageVersion,
  sampleWarming,
} from './model-samples.ts';

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
/** Of a journal that knows of a cluster that is up. */
export const UP = { running: { timeline: { ...TIMELINE, steps: [], edgeLocations: [] } } };
export const AS_IT_WAS = 'as it was';

/** The control plane's side of one deployment, by the real state machine; the next answers may be spoiled. */
class OneDeployment {
  row = sampleDeployment({ desired: { power: 'on', computes: 0, cpusPerCompute: 1, generation: 1 } });
  warming = sampleWarming();
  readonly spoiled: EdgebootError[] = [];

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

export async function openMessageSite(): Promise<MessageSite> {
  const directory = await mkdtemp(path.join(tmpdir(), 'edgeboot-handle-'));
  return new MessageSite(directory, await openFileJournal(directory), await openClusterFiles(directory));
}

export class MessageSite {
  readonly directory: string;
  readonly control = new OneDeployment();
  /** Nodes that are on. */
  running: string[] = [];
  /** What was asked of queue and hypervisor, in order. */
  readonly done: string[] = [];
  readonly shutdown = new AbortController();
  ports: HandlePorts;

  constructor(directory: string, journal: HandlePorts['journal'], clusterFiles: HandlePorts['clusterFiles']) {
    this.directory = directory;
    this.ports = {
      ...{ journal, clusterFiles, api: this.control.api, hypervisor: this.#hypervisor(), log: SILENT },
      agentId: 'agent-1',
      host: { cpus: 4, memoryMiB: 4096, acceleration: 'kvm' },
      queue: {
        receive: () => Promise.resolve([]),
        extend: (_message, seconds) => Promise.resolve(void this.done.push(`visible in ${seconds} s`)),
        delete: () => Promise.resolve(void this.done.push('delete')),
      },
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
  }

  close(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  /** From now on. */
  use(changes: Partial<HandlePorts>): void {
    this.ports = { ...this.ports, ...changes };
  }

  handle(message: ReceivedMessage): Promise<void> {
    return createMessageHandler(this.ports, this.shutdown.signal)(message);
  }

  /** The message that announces the wish, for the `receiveCount`th time. */
  announcing(generation = 1, receiveCount = 1): ReceivedMessage {
    return received({ schemaVersion: 1, deploymentId: this.control.row.deploymentId, generation }, receiveCount);
  }

  /** As after a crash: the cluster is up, or given up, and the journal says so. */
  async journal(outcome: Pick<JournalEntry, 'running' | 'failed'>): Promise<void> {
    const { deploymentId, siteId, imageName, memoryMiB, sshPublicKeys, desired } = this.control.row;
    const computeCpus = Array.from({ length: desired.computes }, () => 1);
    const wish = { deploymentId, siteId, imageName, memoryMiB, sshPublicKeys, computeCpus };
    const plan = planCluster(wish, '192.0.2.10', PUBLIC_NETWORK);
    const startedAt = TIMELINE.messageReceivedAt;
    this.control.row = { ...this.control.row, phase: 'BOOTING', agentId: 'agent-1' };
    await this.ports.journal.write({ deploymentId, generation: 1, plan, startedAt, ...outcome });
  }

  /** A cluster that has run, with what is on its disks. Answers its frontend's overlay. */
  async ran(phase: Deployment['phase'], power: 'on' | 'off'): Promise<string> {
    await this.journal(UP);
    const { control, ports } = this;
    const { deploymentId } = control.row;
    const entry = (await ports.journal.read(deploymentId)) ?? assert.fail();
    const base = ports.imageCache.folderOf('a'.repeat(64)).disk;
    await ports.journal.write({ ...entry, bases: ['a'.repeat(64)] });
    const overlay = nodeFiles(await ports.clusterFiles.makeDirectory(deploymentId), 'frontend').overlayFile;
    await mkdir(path.dirname(base), { recursive: true });
    for (const file of [base, overlay]) await writeFile(file, AS_IT_WAS);
    const nodes = [{ name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' }];
    control.row = { ...control.row, phase, nodes, desired: { ...control.row.desired, power, generation: 2 } };
    return overlay;
  }

  /** A cluster that runs with so many computes. */
  async runs(computes: number): Promise<void> {
    const { control, ports } = this;
    control.row = { ...control.row, desired: { power: 'on', computes, cpusPerCompute: 1, generation: 1 } };
    await this.ran('RUNNING', 'on');
    const { plan } = (await ports.journal.read(control.row.deploymentId)) ?? assert.fail();
    for (const { name } of plan.nodes) {
      await writeFile(nodeFiles(ports.clusterFiles.directoryOf(plan.deploymentId), name).overlayFile, AS_IT_WAS);
    }
    this.running = plan.nodes.map(({ name }) => name);
    control.row = { ...control.row, nodes: deployedNodes(plan) };
  }

  wishComputes(computes: number): void {
    const { row } = this.control;
    this.control.row = { ...row, desired: { power: 'on', computes, cpusPerCompute: 1, generation: 2 } };
  }

  /** File names of the disks that its nodes have. */
  async overlays(): Promise<string[]> {
    const files = await readdir(this.ports.clusterFiles.directoryOf(this.control.row.deploymentId));
    return files.filter((name) => name.endsWith('.qcow2')).sort();
  }

  nodeNames(): string[] | undefined {
    return this.control.row.nodes?.map(({ name }) => name);
  }

  #hypervisor(): HypervisorDriver {
    return {
      describeHost: () => Promise.resolve({ cpus: 4, memoryMiB: 4096, acceleration: 'kvm' }),
      prepare: () => Promise.resolve(),
      boot: (_cluster, { name }) => Promise.resolve(void this.running.push(name)),
      observe: (siteId) => {
        const nodes = this.running.map((name) => ({ name, running: true }));
        return Promise.resolve([{ siteId, deploymentId: this.control.row.deploymentId, nodes, hasNetwork: true }]);
      },
      destroy: () => this.#turnOff('destroy domains', () => false),
      stop: () => this.#turnOff('shut down', () => false),
      removeNodes: (_cluster, names) => this.#turnOff(`remove ${names.join(' ')}`, (name) => !names.includes(name)),
      close: () => Promise.resolve(),
    };
  }

  #turnOff(what: string, staysOn: (name: string) => boolean): Promise<void> {
    this.done.push(what);
    this.running = this.running.filter(staysOn);
    return Promise.resolve();
  }
}

export const received = (body: unknown, receiveCount = 1): ReceivedMessage => ({
  messageId: 'm-1',
  receiptHandle: 'r-1',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receiveCount,
  receivedAt: new Date(),
});
