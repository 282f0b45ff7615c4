/** Who may use a site, and who may say so: the rules over what is known of it. Pure. */
import type { ErrorCode } from '#shared/errors.ts';
import { FEDERATION_OPERATORS, type Member } from './http/identity.ts';
import type { SiteRecord } from './ports.ts';

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}

/** Its own operators and those of the federation. */
export function mayOperate(member: Member, site: Pick<SiteRecord, 'operatorGroups'>): boolean {
  return [FEDERATION_OPERATORS, ...site.operatorGroups].some((group) => member.groups.includes(group));
}

/** Why the member may deploy nothing here; `undefined` where they may. The right comes first: draining is for those who have it. */
export function refusalAt(
  { siteId, deployerGroups, drainingSince }: Pick<SiteRecord, 'siteId' | 'deployerGroups' | 'drainingSince'>,
  member: Member,
): Refusal | undefined {
  if (!deployerGroups.some((group) => member.groups.includes(group))) {
    return { code: 'FORBIDDEN', message: `only members of ${deployerGroups.join(', ')} may deploy at ${siteId}` };
  }
  if (drainingSince === undefined) return undefined;
  const message = `${siteId} has been draining since ${drainingSince}: it takes no new deployments and warmings`;
  return { code: 'SITE_DRAINING', message };
}
