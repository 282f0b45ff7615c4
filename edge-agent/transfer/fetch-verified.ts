/** Fetches a whole object and verifies it: for manifests and indexes. Parts that are kept are verified frame by frame. */
import { hash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import { refetchWhileCorrupt } from './refetch.ts';

/** Throws PART_CORRUPT when four copies did not match; otherwise what the source throws. */
export async function fetchVerified(
  source: PartSource,
  request: ObjectRequest,
  sha256: string,
  signal: AbortSignal,
): Promise<FetchedObject> {
  return refetchWhileCorrupt(async (badCopies) => {
    const fetched = await source.fetch({ ...request, badCopies }, signal);
    requireDigest(fetched, sha256, request.path);
    return fetched;
  });
}

/** Throws PART_CORRUPT. */
export function requireDigest({ bytes }: FetchedObject, sha256: string, path: string): void {
  if (hash('sha256', bytes) !== sha256) throw new EdgebootError('PART_CORRUPT', `${path} does not match its digest.`);
}
