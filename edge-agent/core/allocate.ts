/** Gives a cluster its place at the site: a public address, CPUs and memory. Pure: from what the journal holds already. */
import type { Capacity } from '#shared/api/sites.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { SiteNetworks } from './extra-interfaces.ts';
import { addressRange } from './ipv4.ts';
import { type ClusterPlan, demandOf, planCluster, type PlanRequest } from './plan-cluster.ts';
import type { PublicNetwork } from './public-network.ts';

/** What the site may give to clusters in all. */
export interface SiteResources {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly publicNetwork: PublicNetwork;
  /** Offered beside it; none where absent. */
  readonly extraNetworks?: SiteNetworks;
}

/** What is left beside the clusters that the journal holds. */
export function freeCapacity(resources: SiteResources, taken: readonly ClusterPlan[]): Capacity {
  const demands = taken.map(demandOf);
  const { firstAddress, lastAddress } = resources.publicNetwork;
  return {
    cpus: Math.max(0, resources.cpus - demands.reduce((sum, demand) => sum + demand.cpus, 0)),
    memoryMiB: Math.max(0, resources.memoryMiB - demands.reduce((sum, demand) => sum + demand.memoryMiB, 0)),
    publicAddresses: Math.max(0, addressRange(firstAddress, lastAddress).length - taken.length),
  };
}

/**
 * @param avoid addresses that somebody else uses, though the journal does not know them.
 * @throws EdgebootError NO_CAPACITY, naming what is wanted and what is free.
 */
export function allocateCluster(
  request: PlanRequest,
  resources: SiteResources,
  taken: readonly ClusterPlan[],
  avoid: ReadonlySet<string> = new Set(),
): ClusterPlan {
  const used = new Set(taken.map((plan) => plan.publicAddress));
  const { publicNetwork } = resources;
  const address = addressRange(publicNetwork.firstAddress, publicNetwork.lastAddress).find(
    (one) => !used.has(one) && !avoid.has(one),
  );
  if (address === undefined) {
    const others = avoid.size === 0 ? '' : `; others use ${[...avoid].join(', ')} without leave`;
    throw new EdgebootError('NO_CAPACITY', `the site has no public address left${others}`, { step: 'allocate' });
  }
  const plan = planCluster(request, address, publicNetwork);
  requireCapacity(plan, resources, taken);
  return plan;
}

/** @param taken by all other clusters. @throws EdgebootError NO_CAPACITY, naming what is wanted and what is free. */
export function requireCapacity(
  plan: Pick<ClusterPlan, 'nodes'>,
  resources: SiteResources,
  taken: readonly ClusterPlan[],
): void {
  const free = freeCapacity(resources, taken);
  const demand = demandOf(plan);
  if (demand.cpus > free.cpus || demand.memoryMiB > free.memoryMiB) {
    throw new EdgebootError(
      'NO_CAPACITY',
      `the cluster wants ${demand.cpus} CPUs for its computes and ${demand.memoryMiB} MiB; ` +
        `the site has ${free.cpus} CPUs and ${free.memoryMiB} MiB free`,
      { step: 'allocate' },
    );
  }
}
