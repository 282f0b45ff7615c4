/** Reads complete bases back. What is not as it was is removed, or, where it is in use, kept from further clusters. */
import { checkDisk, type Finding } from './check-disk.ts';
import type { ImageCache } from './image-cache.ts';
import type { CachedBase } from './survey.ts';

export interface Verified extends Pick<CachedBase, 'base' | 'images'> {
  readonly result: Exclude<Finding, 'damaged'> | 'incomplete' | 'damaged and removed' | 'damaged and in use';
}

/** One after the other: the disks are what it waits for. Throws the signal's reason. */
export async function* verifyBases(
  cache: ImageCache,
  bases: readonly CachedBase[],
  signal: AbortSignal,
): AsyncGenerator<Verified> {
  for (const found of bases) {
    const { base, images, state, isDamaged } = found;
    if (state !== 'complete') {
      yield { base, images, result: 'incomplete' };
      continue;
    }
    const folder = cache.folderOf(base);
    const finding = await checkDisk(folder, signal);
    if (finding === 'intact' && isDamaged) await folder.setMark('damaged', false);
    yield { base, images, result: finding === 'damaged' ? resultOf(await cache.condemn(found)) : finding };
  }
}

function resultOf(verdict: 'removed' | 'in use' | 'gone'): Verified['result'] {
  return verdict === 'gone' ? verdict : `damaged and ${verdict}`;
}
