/**
 * What would become of a request for a deployment: the rules of request-deployment.ts, and nothing is written, not even a record of
 * it. Whoever is accepted here may still come second to the last room.
 */
import { ANY_SITE, type DeploymentCheck } from '#shared/api/deployments.ts';
import { type ImageVersion } from '#shared/api/images.ts';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { type DeploymentRequest, firstWish, memoryOf } from '../deployment-request.ts';
import { lookUpUsableVersion } from '../find-image.ts';
import { cachedBytesAt, shortageAt } from '../choose-site.ts';
import { findSiteFor } from '../find-site.ts';
import { findSite } from '../deployment-rights.ts';
import type { Member } from '../http/identity.ts';
import type { DeploymentStore, ImageStore, SiteRecord, SiteStore } from '../ports.ts';
import { lessPromised } from '../promised-capacity.ts';
import { requireComputeImage } from '../request-deployment/request-deployment.ts';
import { limitBy } from '../request-deployment/within-quota.ts';
import { quotaAt } from '../site-quota.ts';
import { refusalAt } from '../site-rules.ts';
import { isHeard } from '../site-silence.ts';

export interface CheckDeploymentPorts {
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly deployments: DeploymentStore;
  readonly now: () => Date;
}

/** Every refusal is part of the answer. Throws SERVICE_UNAVAILABLE. */
export async function checkDeployment(
  member: Member,
  request: DeploymentRequest,
  ports: CheckDeploymentPorts,
): Promise<DeploymentCheck> {
  const { siteId, imageName } = request;
  const image = await refused(lookUpUsableVersion(member, request, ports.images));
  const site = await refused(
    image instanceof EdgebootError ? namedSite(siteId, image, ports) : findSiteFor(member, image, request, ports),
  );
  const isThere = !(site instanceof EdgebootError);
  const refusal =
    image instanceof EdgebootError
      ? image
      : site instanceof EdgebootError
        ? site
        : await refused(requireAll(member, image, site, request, ports));
  return {
    ...(isThere ? { siteId: site.siteId } : siteId !== ANY_SITE && { siteId }),
    imageName,
    ...(!(image instanceof EdgebootError) && { imageVersion: image.version }),
    agentHeard: isThere && isHeard(site, ports.now()),
    ...(isThere && { lastSeen: site.lastSeen, free: site.free }),
    ...(isThere && !(image instanceof EdgebootError) && { bytesToFetch: bytesToFetch(image, site) }),
    ...(isThere && refusal === undefined && warningOf(await lessPromised(site, ports.deployments), request)),
    ...(refusal && { refusal: { code: refusal.code, message: refusal.message, remedy: refusal.remedy } }),
  };
}

/** What the site said last may be past: never below 0. */
function bytesToFetch(image: ImageVersion, site: SiteRecord): number {
  return Math.max(0, image.storedBytes - cachedBytesAt(site, { image }));
}

/** A site that has never said what is free is not known to have too little. */
function warningOf(site: SiteRecord, request: DeploymentRequest): Pick<DeploymentCheck, 'warning'> {
  if (site.free === undefined) return {};
  const shortage = shortageAt(site, { desired: firstWish(request), memoryMiB: memoryOf(request) });
  if (shortage === undefined) return {};
  const { code, message, remedy } = new EdgebootError(shortage.code, shortage.message);
  return { warning: { code, message, remedy } };
}

/** Without an image there is nothing to choose a site for. Throws NOT_FOUND, and `why` there is no image. */
async function namedSite(siteId: string, why: EdgebootError, { sites }: CheckDeploymentPorts): Promise<SiteRecord> {
  if (siteId === ANY_SITE) throw why;
  return findSite(siteId, sites);
}

/** In the order of the request itself. Throws what it would throw. */
async function requireAll(
  member: Member,
  image: ImageVersion,
  site: SiteRecord,
  request: DeploymentRequest,
  { deployments, now }: CheckDeploymentPorts,
): Promise<undefined> {
  const refusal = refusalAt(site, member, image.imageName);
  if (refusal) throw new EdgebootError(refusal.code, refusal.message, refusal);
  const desired = firstWish(request);
  requireComputeImage(image, desired.computes);
  const wished = { memberId: member.memberId, siteId: site.siteId, desired, createdAt: now().toISOString() };
  await limitBy(quotaAt(site.access, member, image.imageName), wished, request.hours, deployments);
  return undefined;
}

/** A refusal is an answer here. */
async function refused<Result>(work: Promise<Result>): Promise<Result | EdgebootError> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error) && error.disposition === 'reject') return error;
    throw error;
  }
}
