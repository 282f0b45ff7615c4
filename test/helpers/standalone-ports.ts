/** The ports of the flow without a federation: a real journal and real folders, a hypervisor and guests that only note what they are told. */
import { writeFile } from 'node:fs/promises';
import { openClusterFiles } from '../../edge-agent/adapters/file-cluster-files.ts';
import { openFileJournal } from '../../edge-agent/adapters/file-journal.ts';
import type { NodePlan } from '../../edge-agent/ports.ts';
import { serializer } from '../../edge-agent/serialize.ts';
import type { BootWish, StandalonePorts, Told } from '../../edge-agent/standalone/boot.ts';
import type { FoundImage } from '../../edge-agent/standalone/ports.ts';
import { makeImageCache } from './image-cache.ts';
import { memoryLocks } from './memory-locks.ts';
import { PUBLIC_NETWORK, SSH_KEY } from './model-samples.ts';

export interface NotedPorts {
  readonly ports: StandalonePorts;
  /** What happened, in order. */
  readonly events: string[];
  /** Names of the nodes that are on. */
  readonly running: Set<string>;
}

/** A native image with computes that says nothing of its own, and is here already. */
export const PLAIN_IMAGE = {
  name: 'hpc',
  description: {},
  memoryMiB: { frontend: undefined, compute: undefined },
  hasComputes: true,
  fetch: () => Promise.resolve({ diskOf: (role: string) => `/disks/${role}.raw` }),
} satisfies Partial<FoundImage>;

/** A frontend and two computes of it. */
export const PLAIN_WISH: BootWish = {
  repository: '/srv/vc',
  name: 'hpc',
  acceptChanges: false,
  cpus: 2,
  computes: 2,
  memoryMiB: undefined,
  sshPublicKeys: [SSH_KEY],
  extraNetworks: [],
};

/** Nobody looks at the progress. */
export const SILENT: Told = { onStep: () => undefined, onNotice: () => undefined, onProgress: () => undefined };

export async function notePorts(
  directory: string,
  image: Partial<FoundImage> = {},
  awaitReady: StandalonePorts['guestSignals']['awaitReady'] = () => Promise.resolve('guest-kit'),
): Promise<NotedPorts> {
  const events: string[] = [];
  const running = new Set<string>();
  const note = (event: string): Promise<void> => Promise.resolve(void events.push(event));
  const journal = await openFileJournal(directory);
  const ports: StandalonePorts = {
    hypervisor: {
      describeHost: () => Promise.resolve({ cpus: 8, memoryMiB: 8192, acceleration: 'kvm' }),
      prepare: () => note('network'),
      boot: (_cluster, { name }: NodePlan) => (running.add(name), note(`boot ${name}`)),
      observe: async (siteId) =>
        (await journal.list()).map(({ deploymentId, plan }) => ({
          ...{ siteId, deploymentId, hasNetwork: true },
          nodes: plan.nodes.map(({ name }) => ({ name, running: running.has(name) })),
        })),
      stop: (_cluster, graceSeconds) => (running.clear(), note(`stop after ${graceSeconds} s`)),
      removeNodes: (_cluster, names) => {
        for (const name of names) running.delete(name);
        return note(`remove ${names.join(' ')}`);
      },
      destroy: () => (running.clear(), note('destroy')),
      close: () => Promise.resolve(),
    },
    journal,
    imageCache: makeImageCache(directory),
    clusterFiles: await openClusterFiles(directory),
    nodeDisks: {
      createOverlay: (_backingFile, overlayFile) => writeFile(overlayFile, ''),
      personalize: () => Promise.resolve({ hasCloudInit: false }),
      createSeed: () => Promise.resolve(),
    },
    userData: { open: () => note('user data'), close: () => Promise.resolve() },
    clusterKey: () => Promise.resolve({ privateKey: '', publicKey: SSH_KEY }),
    guestSignals: {
      awaitReady: async (node, timeoutSeconds, signal) => {
        events.push(`await ${node.name} for ${timeoutSeconds} s`);
        return awaitReady(node, timeoutSeconds, signal);
      },
    },
    ensurePublicNetwork: () => note('public network'),
    removePublicNetwork: () => note('no public network'),
    publicBridge: () => Promise.resolve(undefined),
    isAddressInUse: () => Promise.resolve(false),
    resources: { cpus: 8, memoryMiB: 8192, publicNetwork: PUBLIC_NETWORK },
    allocating: serializer(),
    readyTimeoutSeconds: 900,
    tryHoldCluster: memoryLocks(),
    linkOf: (name) => ({ kind: 'bridge', name }),
    findImage: () => Promise.resolve({ ...PLAIN_IMAGE, ...image, [Symbol.asyncDispose]: () => Promise.resolve() }),
  };
  return { ports, events, running };
}
