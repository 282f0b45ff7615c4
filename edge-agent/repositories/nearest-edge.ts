/**
 * Asks the nearest edge, by measured round trip; spreads requests over those that are about as near, by what each has delivered so
 * far; and goes to the next one where one does not deliver.
 */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';

export interface Edge {
  readonly source: PartSource;
  readonly roundTripMilliseconds: number;
}

/**
 * `fastest`: requests are spread over the near ones. `nearest`: each goes to the nearest of those that answer, so that this one has every
 * object afterwards.
 */
export type EdgeChoice = 'fastest' | 'nearest';

/** How long an edge that did not answer is asked last. */
const PENALTY_SECONDS = 30;
/** About as near: within this factor of the nearest, or so many milliseconds. One edge location has several addresses. */
const NEAR_FACTOR = 1.5;
const NEAR_MILLISECONDS = 3;
/** How much a new delivery changes what is known of an edge's speed. */
const WEIGHT = 0.2;

interface Record {
  readonly edge: Edge;
  /** One of those that share the requests. */
  readonly isNear: boolean;
  penaltyEnds: number;
  inFlight: number;
  /** Of one request; `undefined` before the first delivery. */
  secondsPerByte: number | undefined;
}

/**
 * @param edges nearest first
 * @param nowSeconds a monotonic clock, of any origin
 * @returns a source that tries each edge once per request, until one delivers: after PART_UNAVAILABLE and PART_CORRUPT
 */
export function nearestEdge(
  edges: readonly Edge[],
  choice: EdgeChoice = 'fastest',
  nowSeconds = () => performance.now() / 1000,
): PartSource {
  const nearest = edges[0]?.roundTripMilliseconds ?? 0;
  const mostMilliseconds = Math.max(nearest * NEAR_FACTOR, nearest + NEAR_MILLISECONDS);
  const records = edges.map((edge): Record => {
    const isNear = choice === 'fastest' && edge.roundTripMilliseconds <= mostMilliseconds;
    return { edge, isNear, penaltyEnds: -Infinity, inFlight: 0, secondsPerByte: undefined };
  });

  return {
    async fetch(request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> {
      let last: EdgebootError | undefined;
      for (const record of inOrder(records, request.badCopies ?? 0, nowSeconds())) {
        try {
          return await ask(record, request, signal, nowSeconds);
        } catch (error) {
          if (!hasCode(error, 'PART_UNAVAILABLE', 'PART_CORRUPT')) throw error;
          if (error.code === 'PART_UNAVAILABLE') record.penaltyEnds = nowSeconds() + PENALTY_SECONDS;
          last = error;
        }
      }
      throw last ?? new EdgebootError('PART_UNAVAILABLE', 'No edge location is known.');
    },
  };
}

/** The near ones by how long one more request may take there, then the others by distance; those that did not answer last. */
function inOrder(records: readonly Record[], badCopies: number, now: number): Record[] {
  const isPenalized = ({ penaltyEnds }: Record): boolean => penaltyEnds > now;
  const free = records.filter((record) => !isPenalized(record));
  const near = free.filter(({ isNear }) => isNear);
  const ordered = [
    ...near.toSorted((a, b) => expectedCost(a, near) - expectedCost(b, near)),
    ...free.filter(({ isNear }) => !isNear),
    ...records.filter(isPenalized),
  ];
  const start = ordered.length === 0 ? 0 : badCopies % ordered.length;
  return [...ordered.slice(start), ...ordered.slice(0, start)];
}

/** Of whom nobody knows anything yet is worth a try: taken for faster than the fastest. */
function expectedCost({ inFlight, secondsPerByte }: Record, near: readonly Record[]): number {
  const known = near.flatMap((record) => record.secondsPerByte ?? []);
  return (inFlight + 1) * (secondsPerByte ?? (known.length > 0 ? Math.min(...known) / 2 : 1));
}

async function ask(
  record: Record,
  request: ObjectRequest,
  signal: AbortSignal,
  nowSeconds: () => number,
): Promise<FetchedObject> {
  const begin = nowSeconds();
  record.inFlight++;
  try {
    const fetched = await record.edge.source.fetch(request, signal);
    const now = (nowSeconds() - begin) / Math.max(1, fetched.bytes.length);
    record.secondsPerByte = (1 - WEIGHT) * (record.secondsPerByte ?? now) + WEIGHT * now;
    return fetched;
  } finally {
    record.inFlight--;
  }
}
