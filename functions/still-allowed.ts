/**
 * Whether what was accepted before would be accepted now, asked each time that more is given for it: under the same rules, for who asked
 * and the groups they had then (docs/decisions/0062).
 */
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { denyRecalled, type FindImagePorts, maySeeImage } from './find-image.ts';
import type { Member } from './http/identity.ts';
import { deny } from './outbox/deny.ts';
import type { SiteStore } from './ports.ts';
import { type Refusal, rightsRefusalAt } from './site-rules.ts';

export interface StillAllowedPorts extends FindImagePorts {
  readonly sites: SiteStore;
}

type Accepted = Pick<Deployment, 'siteId' | 'memberId' | 'imageId' | 'imageName' | 'imageVersion'>;

/**
 * @param asker who asked for it. Whom nothing is known of has no groups.
 * Throws IMAGE_RECALLED, NOT_FOUND (the version is deleted), VETOED, ACCESS_WITHDRAWN, each on record; SERVICE_UNAVAILABLE where the site
 *   or the image has no row, as long as nobody has brought it back: that says nothing about a right.
 */
export async function requireStillAllowed(
  accepted: Accepted,
  asker: Member | undefined,
  record: Omit<AuditRecord, 'auditId' | 'at' | 'decision' | 'reason'>,
  ports: StillAllowedPorts,
): Promise<void> {
  await denyRecalled(accepted, record, ports);
  const member = asker ?? { memberId: accepted.memberId, groups: [] };
  const refusal = (await siteRefusal(accepted, member, ports)) ?? (await imageRefusal(accepted, member, ports));
  if (refusal) throw await deny(ports, { ...record, reason: refusal.message }, refusal);
}

/** To an agent a FORBIDDEN is no word about a cluster (docs/decisions/0035): what was taken back has a code of its own. */
const withdrawn = (message: string): Refusal => ({ code: 'ACCESS_WITHDRAWN', message });

/** Nobody takes sites or images away. What an agent is told of a right is the end of a transfer; of this it is to ask again. */
const lost = (what: string): EdgebootError => new EdgebootError('SERVICE_UNAVAILABLE', `the row of ${what} is lost`);

async function siteRefusal({ siteId, imageName }: Accepted, member: Member, { sites }: StillAllowedPorts) {
  const site = await sites.find(siteId);
  if (site === undefined) throw lost(`the site ${siteId}`);
  const refusal = rightsRefusalAt(site, member, imageName);
  return refusal?.code === 'FORBIDDEN' ? withdrawn(`${refusal.message} any more`) : refusal;
}

async function imageRefusal({ imageId, imageName }: Accepted, member: Member, { images }: StillAllowedPorts) {
  const image = await images.findById(imageId);
  if (image === undefined) throw lost(`the image ${imageName}`);
  if (maySeeImage(member, image)) return undefined;
  return withdrawn(`the image ${imageName} is not shared with ${member.memberId} any more`);
}
