/** The clusters of this host, by name: what they are, and whether they run. */
import { EdgebootError } from '#shared/errors.ts';
import { clusterName } from '../core/plan-cluster.ts';
import type { HypervisorDriver, Journal, JournalEntry } from '../ports.ts';
import { runningNodes } from '../steps/running-nodes.ts';

export interface ClusterPorts {
  readonly hypervisor: HypervisorDriver;
  readonly journal: Journal;
}

export interface ListedCluster {
  readonly name: string;
  readonly image: string;
  /** `federation`: an agent of a federation booted it. */
  readonly owner: 'this host' | 'federation';
  readonly fqdn: string;
  readonly publicAddress: string;
  readonly startedAt: string;
  readonly nodes: readonly ListedNode[];
}

export interface ListedNode {
  readonly name: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly privateAddress: string;
  readonly running: boolean;
}

/** In order of age; of one name only, where one is given. Throws NOT_FOUND. */
export async function listClusters(ports: ClusterPorts, name?: string): Promise<ListedCluster[]> {
  const entries = name === undefined ? await ports.journal.list() : [await findCluster(name, ports)];
  const listed = await Promise.all(entries.map((entry) => describe(entry, ports)));
  return listed.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}

async function describe(entry: JournalEntry, ports: ClusterPorts): Promise<ListedCluster> {
  const { plan, startedAt, local } = entry;
  const running = await runningNodes(plan, ports);
  return {
    name: clusterName(plan),
    image: plan.imageName,
    owner: local === undefined ? 'federation' : 'this host',
    fqdn: plan.fqdn,
    publicAddress: plan.publicAddress,
    startedAt,
    nodes: plan.nodes.map(({ name, cpus, memoryMiB, privateAddress }) => ({
      ...{ name, cpus, memoryMiB, privateAddress },
      running: running.has(name),
    })),
  };
}

/** Throws NOT_FOUND. */
export async function findCluster(name: string, { journal }: Pick<ClusterPorts, 'journal'>): Promise<JournalEntry> {
  const entry = (await journal.list()).find(({ plan }) => clusterName(plan) === name);
  if (entry === undefined) throw noSuchCluster(name);
  return entry;
}

export function noSuchCluster(name: string): EdgebootError {
  return new EdgebootError('NOT_FOUND', `there is no cluster ${JSON.stringify(name)} here`, {
    remedy: 'edgeboot-agent list cluster shows them.',
  });
}
