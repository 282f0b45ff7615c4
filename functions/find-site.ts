/** The site of a request for a deployment: the one that it names, or the best of all where it says `any`. */
import { ANY_SITE } from '#shared/api/deployments.ts';
import { type ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type Candidate, chooseSite } from './choose-site.ts';
import { findSite } from './deployment-rights.ts';
import type { Member } from './http/identity.ts';
import type { DeploymentStore, SiteRecord, SiteStore } from './ports.ts';
import { type DeploymentRequest, firstWish, memoryOf } from './deployment-request.ts';

export interface FindSitePorts {
  readonly sites: SiteStore;
  readonly deployments: Pick<DeploymentStore, 'usage'>;
  readonly now: () => Date;
}

/** Throws NOT_FOUND for one that is named; FORBIDDEN, NO_CAPACITY and INVALID_REQUEST for any. */
export async function findSiteFor(
  member: Member,
  image: ImageVersion,
  request: DeploymentRequest,
  ports: FindSitePorts,
): Promise<SiteRecord> {
  const { siteId, hours } = request;
  if (siteId !== ANY_SITE) return findSite(siteId, ports.sites);
  const usageAt = async (site: SiteRecord): Promise<Candidate> => {
    return { site, taken: await ports.deployments.usage(member.memberId, site.siteId) };
  };
  const candidates = await Promise.all((await ports.sites.list()).map(usageAt));
  const wish = { member, image, desired: firstWish(request), hours, memoryMiB: memoryOf(request), at: ports.now() };
  const chosen = chooseSite(candidates, wish);
  if ('siteId' in chosen) return chosen;
  throw new EdgebootError(chosen.code, chosen.message);
}
