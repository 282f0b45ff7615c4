/** Writes down which bases a cluster needs, before they are fetched or opened: from then on the cache does not part with them. */
import type { ImageCache } from '../cache/image-cache.ts';
import type { Journal } from '../ports.ts';

export interface ClaimPorts {
  readonly journal: Journal;
  readonly imageCache: Pick<ImageCache, 'claim'>;
}

/** Throws CONFLICT where one of them is damaged, and other clusters use it. */
export async function claimBases(
  deploymentId: string,
  bases: readonly string[],
  { journal, imageCache }: ClaimPorts,
): Promise<void> {
  await imageCache.claim(deploymentId, bases, async () => {
    const entry = await journal.read(deploymentId);
    if (entry === undefined) throw new Error('the journal has lost the cluster');
    await journal.write({ ...entry, bases: [...new Set([...(entry.bases ?? []), ...bases])] });
  });
}
