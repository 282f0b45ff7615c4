/** An image whose disks are here, verified. */
import type { Timeline } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';

export interface FetchedDisks {
  /** Path of the complete, verified, raw disk. Throws where the image has none for the role. */
  diskOf(role: 'frontend' | 'compute'): string;
}

export interface FetchedImage extends FetchedDisks {
  readonly transfer: Pick<
    Timeline,
    'bytesFetched' | 'bytesFromPeers' | 'partsFetched' | 'edgeLocations' | 'cacheHits' | 'cacheMisses'
  >;
}

export function diskFiles(files: ReadonlyMap<string, string>): FetchedDisks {
  return {
    diskOf(role) {
      const file = files.get(role);
      if (file === undefined) throw new EdgebootError('IMAGE_NOT_COMPLIANT', `the image has no ${role} disk`);
      return file;
    },
  };
}
