/** A warming as its site's agent sees it: what is to be fetched, and a fresh grant for it. */
import type { WarmingJob } from '#shared/api/warmings.ts';
import type { Grant } from '#shared/grant.ts';
import { isWarmingOver } from '#shared/warming.ts';
import { mintForSite, type MintForSitePorts } from '../mint-for-site.ts';
import { deny } from '../outbox/deny.ts';
import type { PublisherStore } from '../ports.ts';
import { withPresentCertificate } from '../read-job/read-job.ts';
import { retryConflict } from '../retry-conflict.ts';
import { commitWarming, findWarmingAt, recordOf, type SiteWarmingPorts } from '../site-warming.ts';
import { requireStillAllowed, type StillAllowedPorts } from '../still-allowed.ts';

export interface ServeWarmingPorts extends SiteWarmingPorts, MintForSitePorts, StillAllowedPorts {
  readonly publishers: PublisherStore;
}

/** Without the image where that version is gone. Throws NOT_FOUND. */
export async function readWarmingJob(siteId: string, warmingId: string, ports: ServeWarmingPorts): Promise<WarmingJob> {
  const warming = await findWarmingAt(siteId, warmingId, 'job.read', ports);
  const image = await ports.images.findVersion(warming.imageId, warming.imageVersion);
  return { warming, ...(image && { image: await withPresentCertificate(image, ports.publishers) }) };
}

/**
 * Each renewal is authorized anew, and recorded: minted once, and given only when the warming was not over at the moment that the
 * record was written. Throws NOT_FOUND, FORBIDDEN (it is over), IMAGE_RECALLED, VETOED, ACCESS_WITHDRAWN, CONFLICT, SERVICE_UNAVAILABLE.
 */
export async function renewWarmingUrls(siteId: string, warmingId: string, ports: ServeWarmingPorts): Promise<Grant> {
  let minted: Promise<Grant> | undefined;
  return retryConflict(
    async () => {
      const warming = await findWarmingAt(siteId, warmingId, 'urls.mint', ports);
      if (!isWarmingOver(warming)) {
        const asker = await ports.warmings.findAsker(warmingId);
        await requireStillAllowed(warming, asker, recordOf(warming, 'urls.mint'), ports);
        return warming;
      }
      const reason = `a warming that is ${warming.phase} needs its image no more`;
      throw await deny(ports, { ...recordOf(warming, 'urls.mint'), reason });
    },
    async (before) => {
      const grant = await (minted ??= mintForSite(before, ports));
      const after = { ...before, version: before.version + 1 };
      await commitWarming(before, after, { action: 'urls.mint', reason: `URLs until ${grant.expiresAt}` }, ports);
      return grant;
    },
  );
}
