/** A boot or a clean that was killed leaves a part of a cluster: it can be removed, and nothing else. */
import { EdgebootError } from '#shared/errors.ts';
import { type ClusterPlan, clusterName } from '../core/plan-cluster.ts';
import type { LocalCluster } from '../ports.ts';
import type { OwnCluster } from './hold-cluster.ts';

/** What its nodes' disks are made on. Throws CONFLICT where not every node was made ready to boot. */
export function requireDisks({ plan, local }: OwnCluster): NonNullable<LocalCluster['disks']> {
  if (local.disks !== undefined) return local.disks;
  throw incomplete(plan, 'its boot was interrupted');
}

export function incomplete(plan: ClusterPlan, why: string): EdgebootError {
  return new EdgebootError('CONFLICT', `${clusterName(plan)} is not complete: ${why}`, {
    remedy: 'Remove it with edgeboot-agent clean, then boot it anew.',
  });
}
