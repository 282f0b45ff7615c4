/** The site of a request for a deployment: the one that it names, or the best of all where it says `any`. */
import { ANY_SITE } from '#shared/api/deployments.ts';
import { type ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type Candidate, chooseSite, type SiteWish } from './choose-site.ts';
import { findSite } from './deployment-rights.ts';
import type { Member } from './http/identity.ts';
import type { DeploymentStore, SiteRecord, SiteStore } from './ports.ts';
import { type DeploymentRequest, firstWish, memoryOf } from './deployment-request.ts';
import { lessPromised } from './promised-capacity.ts';

export interface FindSitePorts {
  readonly sites: SiteStore;
  readonly deployments: Pick<DeploymentStore, 'usage' | 'find' | 'listAtSite'>;
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
  return chooseByPromises(candidates, wish, ports);
}

/** Each look reads up to 33 rows, one after the other: where so many sites are full by promises, the next best is taken by its word. */
const MAX_LOOKS = 16;

/**
 * What was promised is looked up for the site that would be chosen alone, until that is known of the one that is: it only makes a site
 * a worse choice. Answers the site as its agent said. Throws FORBIDDEN, NO_CAPACITY.
 */
async function chooseByPromises(
  candidates: readonly Candidate[],
  wish: SiteWish,
  { deployments }: FindSitePorts,
): Promise<SiteRecord> {
  const known = new Map<string, SiteRecord>();
  for (;;) {
    const inView = candidates.map(({ site, taken }) => ({ site: known.get(site.siteId) ?? site, taken }));
    const chosen = chooseSite(inView, wish);
    if (!('siteId' in chosen)) throw new EdgebootError(chosen.code, chosen.message);
    const asSaid = candidates.find(({ site }) => site.siteId === chosen.siteId)?.site ?? chosen;
    if (known.has(chosen.siteId) || known.size === MAX_LOOKS) return asSaid;
    known.set(chosen.siteId, await lessPromised(asSaid, deployments));
  }
}
