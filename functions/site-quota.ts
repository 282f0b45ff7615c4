/** How much of a site a member may have: limits, what is taken of them, and what one more deployment would take. Pure. */
import { computesOf, type Deployment, isTerminal } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota, SiteAccess } from '#shared/site-access.ts';
import type { Member } from './http/identity.ts';
import type { Usage } from './ports.ts';
import { fittingGrants } from './site-rules.ts';

/**
 * What a deployment takes until it has ended: the CPUs of its computes, of those that are wished and of those that are still there; the
 * frontend is not counted (docs/decisions/0018).
 */
export function usageOf({ desired, nodes = [] }: Pick<Deployment, 'desired' | 'nodes'>): Usage {
  return { cpus: Math.max(desired.computes, computesOf(nodes)) * desired.cpusPerCompute, clusters: 1 };
}

/** What it takes now, or no more. */
export function shareOf(deployment: Pick<Deployment, 'phase' | 'desired' | 'nodes'>): Usage {
  return isTerminal(deployment.phase) ? NOTHING : usageOf(deployment);
}

/** What one change of a deployment adds; negative where it gives back. */
export function addedBy(before: Usage, after: Usage): Usage {
  return { cpus: after.cpus - before.cpus, clusters: after.clusters - before.clusters };
}

export const NOTHING: Usage = { cpus: 0, clusters: 0 };

/** Of the grants that fit, the widest limit of each kind. Some grant must fit. */
export function quotaAt(access: SiteAccess, member: Member, imageName: string): Quota {
  const quotas = fittingGrants(access, member, imageName).map(({ quota }) => quota);
  return {
    maxCpus: widest(quotas.map(({ maxCpus }) => maxCpus)),
    maxClusters: widest(quotas.map(({ maxClusters }) => maxClusters)),
    maxHours: widest(quotas.map(({ maxHours }) => maxHours)),
  };
}

/** No limit at all is the widest. */
function widest(limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length < limits.length ? undefined : Math.max(...known);
}

/** How many hours a cluster is given; `undefined` where it need not end. Throws QUOTA_EXCEEDED where that is more than the quota. */
export function hoursWithin(siteId: string, hours: number | undefined, { maxHours }: Quota): number | undefined {
  if (hours === undefined || hours <= (maxHours ?? Infinity)) return hours ?? maxHours;
  throw new EdgebootError(
    'QUOTA_EXCEEDED',
    `your clusters at ${siteId} may live ${maxHours ?? 0} hours, not ${hours}`,
    {
      remedy: "Ask for fewer hours, or ask the site's operators for more.",
    },
  );
}

/** Whether any is kept by counting. */
export const hasLimits = ({ maxCpus, maxClusters }: Quota): boolean =>
  maxCpus !== undefined || maxClusters !== undefined;

/** Of what is added, every kind must fit beside what the member has at the site already. Throws QUOTA_EXCEEDED. */
export function requireRoom(
  { memberId, siteId }: Pick<Deployment, 'memberId' | 'siteId'>,
  added: Usage,
  taken: Usage,
  { maxCpus, maxClusters }: Quota,
): void {
  const fits = (kind: keyof Usage, limit = Infinity): boolean => added[kind] <= 0 || taken[kind] + added[kind] <= limit;
  if (fits('cpus', maxCpus) && fits('clusters', maxClusters)) return;
  const of = (count: number, limit: number | undefined): string =>
    limit === undefined ? String(count) : `${count} of ${limit}`;
  const wanted =
    added.clusters > 0 ? `this one would add a cluster and ${added.cpus} CPUs` : `${added.cpus} more CPUs are wanted`;
  throw new EdgebootError(
    'QUOTA_EXCEEDED',
    `${memberId} has ${of(taken.clusters, maxClusters)} clusters and ${of(taken.cpus, maxCpus)} CPUs at ${siteId}; ${wanted}`,
  );
}
