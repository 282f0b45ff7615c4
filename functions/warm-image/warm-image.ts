/**
 * A member asks that an image be pulled through the edge nearest to a site. Who may deploy it there may ask.
 *
 *   find the image and the site → authorize → mint URLs → commit (row, audit, message: one transaction) → deliver
 */
import type { ImageVersion } from '#shared/api/images.ts';
import type { requestWarmingRequest } from '#shared/api/warmings.ts';
import type { Grant } from '#shared/grant.ts';
import type { Warming } from '#shared/warming.ts';
import { ulid } from 'ulid';
import type * as z from 'zod';
import { authorizeDeployer, findSite } from '../deployment-rights.ts';
import { findUsableVersion } from '../find-image.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry, messageEntry } from '../outbox/entries.ts';
import type { ImageStore, SiteRecord, SiteStore, UrlSigner, WarmingStore } from '../ports.ts';

export type WarmingRequest = z.infer<typeof requestWarmingRequest>;

export interface WarmImagePorts extends DeliveryPorts {
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly warmings: WarmingStore;
  readonly urlSigner: UrlSigner;
  readonly now: () => Date;
}

/**
 * Accepts a warming. With an idempotency key, asking again answers the warming that was made the first time.
 * Throws NOT_FOUND, FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING, INVALID_REQUEST, IDEMPOTENCY_MISMATCH, SERVICE_UNAVAILABLE.
 */
export async function warmImage(
  member: Member,
  request: WarmingRequest,
  idempotencyKey: string | undefined,
  ports: WarmImagePorts,
): Promise<Warming> {
  const key = idempotencyKeyOf(member, idempotencyKey, request);
  const earlier = key && (await ports.warmings.findMade(key, ports.now().toISOString()));
  if (earlier) return earlier;

  const image = await findUsableVersion(member, request, 'warming.request', ports);
  const site = await findSite(request.siteId, ports.sites);
  await authorizeDeployer(member, image, site, 'warming.request', ports);

  const grant = await ports.urlSigner.mint({ imageId: image.imageId, egressAddress: site.egressAddress });
  const warming = newWarming(member, request, image, ports.now());
  const outbox = announce(warming, site, grant);
  const accepted = await ports.warmings.create(warming, outbox, key, member);

  if (accepted.warmingId === warming.warmingId) await deliverOutbox(outbox, ports);
  return accepted;
}

function newWarming(member: Member, { siteId, keep }: WarmingRequest, image: ImageVersion, now: Date): Warming {
  const { imageId, imageName, version, manifestSha256, deprecation } = image;
  return {
    warmingId: ulid(now.getTime()),
    memberId: member.memberId,
    siteId,
    imageId,
    imageName,
    imageVersion: version,
    manifestSha256,
    ...(deprecation && { imageDeprecated: deprecation.reason }),
    keep,
    phase: 'ACCEPTED',
    version: 1,
    auditSequence: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    progressedAt: now.toISOString(),
  };
}

function announce(warming: Warming, site: SiteRecord, grant: Grant) {
  const { warmingId, siteId, imageId, imageName, imageVersion, keep, createdAt } = warming;
  return [
    messageEntry(createdAt, site.queueUrl, { schemaVersion: 1, warmingId, grant }),
    auditEntry(createdAt, {
      actor: `member:${warming.memberId}`,
      action: 'warming.request',
      decision: 'allow',
      warmingId,
      sequence: warming.auditSequence,
      siteId,
      imageId,
      reason: `${imageName}@${imageVersion}${keep ? ', kept at the site' : ''}; URLs until ${grant.expiresAt}`,
    }),
  ];
}
