/** What of the federation's images is in this cache, as it is announced: version by version, its disks together. Pure. */
import { type CachedImage, MAX_CACHED_IMAGES } from '#shared/api/sites.ts';
import { percentOf } from './describe-base.ts';
import type { StoredBase } from './stored-bases.ts';

/**
 * The latest used first. A disk that several versions have counts for each of them; frames that a version has in common with another
 * one's disk do not.
 */
export function cachedImages(bases: readonly StoredBase[]): CachedImage[] {
  const found = new Map<string, CachedImage>();
  for (const base of bases.toSorted((a, b) => b.lastUsedAt.getTime() - a.lastUsedAt.getTime())) {
    for (const { version, published } of base.images) {
      if (version === undefined || published === undefined) continue;
      const { imageId } = published;
      const bytes = cachedBytesOf(base, published.storedBytes);
      const key = `${imageId}@${version}`;
      if (bytes > 0) found.set(key, { imageId, version, cachedBytes: bytes + (found.get(key)?.cachedBytes ?? 0) });
    }
  }
  return [...found.values()].slice(0, MAX_CACHED_IMAGES);
}

/** Of a disk that is not whole, as much as of its size is here. One that is damaged is fetched again. */
function cachedBytesOf(base: StoredBase, storedBytes: number): number {
  if (base.isDamaged) return 0;
  return Math.floor((storedBytes * (percentOf(base) ?? 0)) / 100);
}
