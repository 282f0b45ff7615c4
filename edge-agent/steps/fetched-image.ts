/** An image whose disks are here, verified. */
import type { Timeline } from '#shared/deployment.ts';

export interface FetchedImage {
  /** Path of the complete, verified, raw disk. Throws where the image has none for the role. */
  diskOf(role: 'frontend' | 'compute'): string;
  readonly transfer: Pick<Timeline, 'bytesFetched' | 'partsFetched' | 'edgeLocations' | 'cacheHits' | 'cacheMisses'>;
}
