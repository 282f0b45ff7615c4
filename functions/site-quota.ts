/** How much of a site a member may have: limits, what is taken of them, and what one more deployment would take. Pure. */
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota, SiteAccess } from '#shared/site-access.ts';
import type { Member } from './http/identity.ts';
import type { Usage } from './ports.ts';
import { fittingGrants } from './site-rules.ts';

/** What a deployment takes until it has ended: a CPU for each compute; the frontend is not counted (docs/decisions/0018). */
export function usageOf({ desired }: Pick<Deployment, 'desired'>): Usage {
  return { cpus: desired.computes, clusters: 1 };
}

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

/** Throws QUOTA_EXCEEDED where the deployment and what its member has at the site already are more than the quota. */
export function requireRoom(
  { memberId, siteId, desired }: Pick<Deployment, 'memberId' | 'siteId' | 'desired'>,
  taken: Usage,
  { maxCpus, maxClusters }: Quota,
): void {
  const { cpus, clusters } = usageOf({ desired });
  if (taken.cpus + cpus <= (maxCpus ?? Infinity) && taken.clusters + clusters <= (maxClusters ?? Infinity)) return;
  const of = (count: number, limit: number | undefined): string =>
    limit === undefined ? String(count) : `${count} of ${limit}`;
  throw new EdgebootError(
    'QUOTA_EXCEEDED',
    `${memberId} has ${of(taken.clusters, maxClusters)} clusters and ${of(taken.cpus, maxCpus)} CPUs at ${siteId}; ` +
      `this one would add a cluster and ${cpus} CPUs`,
  );
}
