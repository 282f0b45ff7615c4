/** Gives the cluster its place at the site, durably, before anything is made. */
import { allocateCluster, type SiteResources } from '../core/allocate.ts';
import type { ClusterPlan, PlanRequest } from '../core/plan-cluster.ts';
import type { Journal, JournalEntry } from '../ports.ts';
import { clearNodes, type RemovePorts } from './remove-cluster.ts';

export interface AllocatePorts extends RemovePorts {
  readonly journal: Journal;
  readonly resources: SiteResources;
  /** One allocation at a time on this host: two at once would find the same address free. */
  readonly allocating: <T>(work: () => Promise<T>) => Promise<T>;
  /** Whether somebody answers at an address of the public network: a pool may be used by others, too. */
  readonly isAddressInUse: (address: string) => Promise<boolean>;
}

export type Wish = Omit<JournalEntry, 'plan'> & {
  readonly siteId: string;
  /** What is wanted, given the clusters that hold something of the site already. */
  readonly request: (taken: readonly ClusterPlan[]) => PlanRequest;
};

/** A job that was begun before keeps its place; what it left half done is cleared away. Throws NO_CAPACITY. */
export async function allocate(wish: Wish, signal: AbortSignal, ports: AllocatePorts): Promise<ClusterPlan> {
  const { siteId, request, ...entry } = wish;
  return ports.allocating(async () => {
    signal.throwIfAborted();
    const earlier = await ports.journal.read(entry.deploymentId);
    if (earlier !== undefined) {
      await clearNodes({ siteId, deploymentId: entry.deploymentId }, ports);
      await ports.journal.write({ ...earlier, generation: entry.generation });
      return earlier.plan;
    }
    const plan = await findPlace(request, signal, ports);
    await ports.journal.write({ ...entry, plan });
    return plan;
  });
}

/** Passes over addresses that are taken without leave. */
async function findPlace(request: Wish['request'], signal: AbortSignal, ports: AllocatePorts): Promise<ClusterPlan> {
  const taken = (await ports.journal.list()).map((entry) => entry.plan);
  const avoid = new Set<string>();
  for (;;) {
    const plan = allocateCluster(request(taken), ports.resources, taken, avoid);
    if (!(await ports.isAddressInUse(plan.publicAddress))) return plan;
    signal.throwIfAborted();
    avoid.add(plan.publicAddress);
  }
}
