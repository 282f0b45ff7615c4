/** Asks the nearest edge first, and the next one where it does not deliver. */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';

/** How long an edge that did not answer is asked last. */
const PENALTY_SECONDS = 30;

/**
 * @param edges nearest first
 * @param nowSeconds a monotonic clock, of any origin
 * @returns a source that tries each edge once per request, until one delivers: after PART_UNAVAILABLE and PART_CORRUPT
 */
export function nearestEdge(edges: readonly PartSource[], nowSeconds = () => performance.now() / 1000): PartSource {
  const penaltyEnds = new Map<PartSource, number>();
  const inOrder = (badCopies: number): PartSource[] => {
    const now = nowSeconds();
    const isPenalized = (edge: PartSource): boolean => (penaltyEnds.get(edge) ?? -Infinity) > now;
    const ordered = [...edges.filter((edge) => !isPenalized(edge)), ...edges.filter(isPenalized)];
    const start = ordered.length === 0 ? 0 : badCopies % ordered.length;
    return [...ordered.slice(start), ...ordered.slice(0, start)];
  };

  return {
    async fetch(request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> {
      let last: EdgebootError | undefined;
      for (const edge of inOrder(request.badCopies ?? 0)) {
        try {
          return await edge.fetch(request, signal);
        } catch (error) {
          if (!hasCode(error, 'PART_UNAVAILABLE', 'PART_CORRUPT')) throw error;
          if (error.code === 'PART_UNAVAILABLE') penaltyEnds.set(edge, nowSeconds() + PENALTY_SECONDS);
          last = error;
        }
      }
      throw last ?? new EdgebootError('PART_UNAVAILABLE', 'No edge location is known.');
    },
  };
}
