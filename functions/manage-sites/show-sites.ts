/** Sites as a member sees them: what the agent has said of its cache tells only of images that the member may see. */
import type { SeenSite, ShownSite } from '#shared/api/sites.ts';
import { findSite } from '../deployment-rights.ts';
import { maySeeImage } from '../find-image.ts';
import type { Member } from '../http/identity.ts';
import type { ImageStore, SiteRecord, SiteStore } from '../ports.ts';
import { isGranted } from '../site-rules.ts';
import { isHeard } from '../site-silence.ts';

export interface ShowSitesPorts {
  readonly sites: SiteStore;
  readonly images: ImageStore;
  readonly now: () => Date;
}

export async function listSites(member: Member, ports: ShowSitesPorts): Promise<SeenSite[]> {
  const [sites, names] = await Promise.all([ports.sites.list(), namesToSee(member, ports)]);
  return sites.map((site) => siteAsSeen(member, site, cachedAsSeen(site, names), ports.now()));
}

/** Throws NOT_FOUND. */
export async function showSite(member: Member, siteId: string, ports: ShowSitesPorts): Promise<ShownSite> {
  const site = await findSite(siteId, ports.sites);
  const cached = cachedAsSeen(site, await namesToSee(member, ports));
  return { ...siteAsSeen(member, site, cached, ports.now()), cached };
}

function siteAsSeen(member: Member, site: SiteRecord, cached: ShownSite['cached'], now: Date): SeenSite {
  const granted = isGranted(site.access, member);
  return { ...site, granted, silent: !isHeard(site, now), cachedImages: cached.length };
}

/** Names of the images that the member may see, by their ids. */
async function namesToSee(member: Member, { images }: ShowSitesPorts): Promise<ReadonlyMap<string, string>> {
  const seen = (await images.list()).filter((image) => maySeeImage(member, image));
  return new Map(seen.map(({ imageId, imageName }) => [imageId, imageName]));
}

function cachedAsSeen({ cached = [] }: SiteRecord, names: ReadonlyMap<string, string>): ShownSite['cached'] {
  return cached.flatMap(({ imageId, version, cachedBytes }) => {
    const imageName = names.get(imageId);
    return imageName === undefined ? [] : [{ imageName, version, cachedBytes }];
  });
}
