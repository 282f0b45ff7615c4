/** Files in memory as a source, for what no honest repository holds. */
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../../edge-agent/ports.ts';

export interface MemorySource extends PartSource {
  /** As the files are now; a test may change them. */
  readonly files: Map<string, Buffer>;
  readonly requests: ObjectRequest[];
  /** The largest number of requests that were under way at once. */
  readonly mostAtOnce: () => number;
}

/** @param before what happens before an answer */
export function createMemorySource(
  files: Readonly<Record<string, Buffer>>,
  before: (request: ObjectRequest, signal: AbortSignal) => Promise<void> = () => Promise.resolve(),
): MemorySource {
  const held = new Map(Object.entries(files));
  const requests: ObjectRequest[] = [];
  let running = 0;
  let most = 0;
  return {
    ...{ files: held, requests, mostAtOnce: () => most },
    async fetch(request, signal) {
      requests.push(request);
      most = Math.max(most, ++running);
      try {
        await before(request, signal);
        signal.throwIfAborted();
        return answer(held, request);
      } finally {
        running--;
      }
    },
  };
}

function answer(files: ReadonlyMap<string, Buffer>, { path, sizeBytes, range }: ObjectRequest): FetchedObject {
  const file = files.get(path);
  if (file === undefined) throw new EdgebootError('NOT_FOUND', `there is no ${path}`);
  if (sizeBytes !== undefined && sizeBytes !== file.length) throw new EdgebootError('PART_CORRUPT', 'another size');
  const from =
    range === undefined ? 0 : 'lastBytes' in range ? Math.max(0, file.length - range.lastBytes) : range.offsetBytes;
  const to = range === undefined || 'lastBytes' in range ? file.length : from + range.lengthBytes;
  const delivery = { edgeLocation: undefined, cacheHit: undefined };
  return { bytes: Buffer.from(file.subarray(from, to)), sizeBytes: file.length, version: undefined, delivery };
}
