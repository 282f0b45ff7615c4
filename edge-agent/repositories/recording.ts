/** Tells of every answer where it came from: around all other wrappers, so that what was retried or raced is told of once. */
import type { PartSource } from '../ports.ts';

/** One answer: a whole object, or a range of it. Its names are those of the log. Never a URL. */
export interface FetchRecord {
  /** Its path below the repository's root. */
  readonly object: string;
  /** Where a range of it begins; absent where the whole of it, or its end, was asked for. */
  readonly offsetBytes?: number;
  readonly sizeBytes: number;
  /** Absent where the source is no edge. */
  readonly edgeLocation?: string;
  /** Absent where the source does not say. */
  readonly cacheHit?: boolean;
  /** From the request to the last byte, retries included. */
  readonly seconds: number;
  /** How many copies were found corrupt before this one; absent for the first. */
  readonly badCopies?: number;
}

/** @param record called before the answer is given on; what it throws, the request throws */
export function recording<Source extends PartSource>(source: Source, record: (fetched: FetchRecord) => void): Source {
  return {
    ...source,
    async fetch(...[request, signal]: Parameters<PartSource['fetch']>) {
      const begin = performance.now();
      const fetched = await source.fetch(request, signal);
      const { path, range, badCopies = 0 } = request;
      const { edgeLocation, cacheHit } = fetched.delivery;
      record({
        object: path,
        ...(range !== undefined && 'offsetBytes' in range && { offsetBytes: range.offsetBytes }),
        sizeBytes: fetched.bytes.length,
        ...(edgeLocation !== undefined && { edgeLocation }),
        ...(cacheHit !== undefined && { cacheHit }),
        seconds: Math.round(performance.now() - begin) / 1000,
        ...(badCopies > 0 && { badCopies }),
      });
      return fetched;
    },
  };
}
