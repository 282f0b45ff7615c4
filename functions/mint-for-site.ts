/** A grant for an image at a site whose agent asks for one: bound to the site's address, where it has one. */
import type { Grant } from '#shared/grant.ts';
import type { SiteStore, UrlSigner } from './ports.ts';

export interface MintForSitePorts {
  readonly sites: SiteStore;
  readonly urlSigner: UrlSigner;
}

/** Decides nothing: whoever calls has authorized it. Throws SERVICE_UNAVAILABLE. */
export async function mintForSite(
  { imageId, siteId }: { readonly imageId: string; readonly siteId: string },
  { sites, urlSigner }: MintForSitePorts,
): Promise<Grant> {
  const site = await sites.find(siteId);
  return urlSigner.mint({ imageId, egressAddress: site?.egressAddress });
}
