/** Who may deploy what where: asked before anything is minted for an image at a site. */
import type { ImageVersion } from '#shared/api/images.ts';
import type { AuditAction } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import type { Member } from './http/identity.ts';
import type { DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';
import type { SiteRecord, SiteStore } from './ports.ts';
import { quotaAt } from './site-quota.ts';
import { refusalAt } from './site-rules.ts';

/** Throws NOT_FOUND. */
export async function findSite(siteId: string, sites: SiteStore): Promise<SiteRecord> {
  const site = await sites.find(siteId);
  if (site === undefined) {
    throw new EdgebootError('NOT_FOUND', `there is no site ${siteId}`, {
      remedy: 'See what there is: edgeboot site list.',
    });
  }
  return site;
}

/**
 * Whoever asks for what is there already names its `deploymentId`, for the record. Answers how much the member may have there. Throws FORBIDDEN, VETOED, SITE_DRAINING, on record. A request that is decided while the
 * site's operators change their mind may still be accepted.
 */
export async function authorizeDeployer(
  member: Member,
  image: Pick<ImageVersion, 'imageId' | 'imageName'> & { readonly deploymentId?: string },
  site: SiteRecord,
  action: AuditAction,
  ports: DeliveryPorts & { readonly now: () => Date },
): Promise<Quota> {
  const refusal = refusalAt(site, member, image.imageName);
  if (refusal === undefined) return quotaAt(site.access, member, image.imageName);
  const { imageId, deploymentId } = image;
  const asked = { actor: `member:${member.memberId}`, action, siteId: site.siteId, imageId };
  throw await deny(
    ports,
    { ...asked, ...(deploymentId !== undefined && { deploymentId }), reason: refusal.message },
    refusal,
  );
}
