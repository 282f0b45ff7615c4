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
export function isGranted(access: SiteAccess, member: Member): boolean {
  return hasGrant(access, member) && !access.vetoes.members.includes(member.memberId);
}

/** Why the member may not deploy the image here now; `undefined` where they may. Draining is told to those who have the right. */
export function refusalAt(
  site: Pick<SiteRecord, 'siteId' | 'access' | 'drainingSince'>,
  member: Member,
  imageName: string,
): Refusal | undefined {
  const { siteId, drainingSince } = site;
  const refusal = rightsRefusalAt(site, member, imageName);
  if (refusal || drainingSince === undefined) return refusal;
  const message = `${siteId} has been draining since ${drainingSince}: it takes on nothing new`;
  return { code: 'SITE_DRAINING', message };
}

/**
 * Why the member has no right to the image here; `undefined` where they have. A veto stands above every grant, and is no business of
 * those whom no grant is for.
 */
export function rightsRefusalAt(
  { siteId, access }: Pick<SiteRecord, 'siteId' | 'access'>,
  member: Member,
  imageName: string,
): Refusal | undefined {
  const forbidden = (message: string): Refusal => ({ code: 'FORBIDDEN', message, remedy: REMEDY });
  if (!hasGrant(access, member)) return forbidden(`no grant of ${siteId} is for ${member.memberId}`);
  const veto = vetoAt(siteId, access, member.memberId, imageName);
  if (veto || fittingGrants(access, member, imageName).length > 0) return veto;
  return forbidden(`no grant of ${siteId} for ${member.memberId} is for the image ${imageName}`);
}

/** Why nothing is given to this member, or of this image, here; `undefined` where no veto says so. */
function vetoAt(siteId: string, { vetoes }: SiteAccess, memberId: string, imageName: string): Refusal | undefined {
  const vetoed = (what: string): Refusal => ({ code: 'VETOED', message: `the operators of ${siteId} refuse ${what}` });
  if (vetoes.members.includes(memberId)) return vetoed(memberId);
  return vetoes.images.includes(imageName) ? vetoed(imageName) : undefined;
}

const REMEDY = "Ask the site's operators for a grant, or choose another site: edgeboot site list.";

/** Those for the member and the image. */
export function fittingGrants({ grants }: SiteAccess, member: Member, imageName: string): SiteGrant[] {
  return grants.filter((grant) => isFor(grant, member) && (grant.images === 'all' || grant.images.includes(imageName)));
}

const hasGrant = ({ grants }: SiteAccess, member: Member): boolean => grants.some((grant) => isFor(grant, member));

function isFor({ groups = [], member: memberId }: SiteGrant, member: Member): boolean {
  return memberId === member.memberId || groups.some((group) => member.groups.includes(group));
}
