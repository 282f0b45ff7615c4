/** The cache of a test: with the host's own locks and processes, for no cluster, without limits. */
import { holdLock, tryHoldLock } from '../../edge-agent/adapters/host-lock.ts';
import { findOpenInodes } from '../../edge-agent/adapters/open-inodes.ts';
import { ImageCache, type ImageCacheOptions } from '../../edge-agent/cache/image-cache.ts';

export function makeImageCache(directory: string, changes: Partial<ImageCacheOptions> = {}): ImageCache {
  return new ImageCache({
    ...{ directory, holdLock, tryHoldLock, openInodes: findOpenInodes },
    limits: { maxBytes: undefined, keepFreeBytes: 0 },
    needs: () => Promise.resolve([]),
    ...changes,
  });
}
