/** Who may use a site, and who may say so: the rules over what is known of it. Pure. */
import type { ErrorCode } from '#shared/errors.ts';
import type { SiteAccess, SiteGrant } from '#shared/site-access.ts';
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

/** Some grant of the site is for the member, whatever the image, and no veto is. */
export function isGranted({ grants, vetoes }: SiteAccess, member: Member): boolean {
  return !vetoes.members.includes(member.memberId) && grants.some((grant) => isFor(grant, member));
}

/**
 * Why the member may not deploy the image here; `undefined` where they may. A veto stands above every grant; the right comes before
 * draining, which is for those who have it.
 */
export function refusalAt(
  { siteId, access, drainingSince }: Pick<SiteRecord, 'siteId' | 'access' | 'drainingSince'>,
  member: Member,
  imageName: string,
): Refusal | undefined {
  const { memberId } = member;
  const forbidden = (message: string): Refusal => ({ code: 'FORBIDDEN', message, remedy: REMEDY });
  if (access.vetoes.members.includes(memberId)) return forbidden(`the operators of ${siteId} refuse ${memberId}`);
  if (!isGranted(access, member)) return forbidden(`no grant of ${siteId} is for ${memberId}`);
  if (access.vetoes.images.includes(imageName)) return forbidden(`the operators of ${siteId} refuse ${imageName}`);
  if (fittingGrants(access, member, imageName).length === 0) {
    return forbidden(`no grant of ${siteId} for ${memberId} is for the image ${imageName}`);
  }
  if (drainingSince === undefined) return undefined;
  const message = `${siteId} has been draining since ${drainingSince}: it takes no new deployments and warmings`;
  return { code: 'SITE_DRAINING', message };
}

const REMEDY = "Ask the site's operators for a grant, or choose another site: edgeboot site list.";

/** Those for the member and the image. */
export function fittingGrants({ grants }: SiteAccess, member: Member, imageName: string): SiteGrant[] {
  return grants.filter((grant) => isFor(grant, member) && (grant.images === 'all' || grant.images.includes(imageName)));
}

function isFor({ groups = [], member: memberId }: SiteGrant, member: Member): boolean {
  return memberId === member.memberId || groups.some((group) => member.groups.includes(group));
}
