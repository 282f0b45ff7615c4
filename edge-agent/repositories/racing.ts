/**
 * A request that is far slower than its like gets a rival, on another connection and, where there is one, at another place; the first
 * answer is taken. One connection that crawls does not hold up the end of a transfer.
 */
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import { resolveRange } from './http-answer.ts';

export interface RaceClock {
  /** Any origin, monotonic. */
  nowSeconds(): number;
  /** Calls back once; answers how to call it off. */
  after(seconds: number, callback: () => void): () => void;
}

const SYSTEM_CLOCK: RaceClock = {
  nowSeconds: () => performance.now() / 1000,
  after(seconds, callback) {
    const timer = setTimeout(callback, seconds * 1000);
    return () => clearTimeout(timer);
  },
};

/** Answers whose speed is remembered, and how many of them must be known before anything is called slow. */
const REMEMBERED = 32;
const ENOUGH = 8;
/** Slower than this many times the usual one. */
const PATIENCE = 3;
/** The same when less than half of what was under way still is: what comes last is waited for, and connections are free. */
const PATIENCE_AT_THE_END = 1.5;
const LEAST_SECONDS = 1;

export function racing(source: PartSource, clock = SYSTEM_CLOCK): PartSource {
  const secondsPerByte: number[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const looks = new Set<() => void>();

  const usualSeconds = (bytes: number): number | undefined => {
    if (secondsPerByte.length < ENOUGH) return undefined;
    return bytes * (secondsPerByte.toSorted((a, b) => a - b)[Math.floor(secondsPerByte.length / 2)] ?? 0);
  };
  const isTheEnd = (): boolean => underWay * 2 <= mostUnderWay;
  const timed = async (request: ObjectRequest, bytes: number, signal: AbortSignal): Promise<FetchedObject> => {
    const begin = clock.nowSeconds();
    const fetched = await source.fetch(request, signal);
    secondsPerByte.push((clock.nowSeconds() - begin) / bytes);
    if (secondsPerByte.length > REMEMBERED) secondsPerByte.shift();
    return fetched;
  };
  /** Calls back once, unless it is called off. */
  const watch = (usual: number, onSlow: () => void): (() => void) => {
    const begin = clock.nowSeconds();
    const patience = (times: number): number => Math.max(LEAST_SECONDS, times * usual);
    const look = (): void => {
      const seconds = clock.nowSeconds() - begin;
      if (seconds >= patience(PATIENCE) || (seconds >= patience(PATIENCE_AT_THE_END) && isTheEnd())) onSlow();
    };
    const alarms = [PATIENCE_AT_THE_END, PATIENCE].map((times) => clock.after(patience(times), look));
    looks.add(look);
    return () => {
      looks.delete(look);
      for (const callOff of alarms) callOff();
    };
  };
  const fetchRaced = (request: ObjectRequest, bytes: number, signal: AbortSignal): Promise<FetchedObject> => {
    const usual = usualSeconds(bytes);
    const first = (stop: AbortSignal) => timed(request, bytes, stop);
    if (usual === undefined) return first(signal);
    // The first one writes into the memory that was given; its rival has its own.
    const second = { ...request, into: undefined, badCopies: (request.badCopies ?? 0) + 1 };
    return race(
      first,
      (stop) => timed(second, bytes, stop),
      (onSlow) => watch(usual, onSlow),
      signal,
    );
  };
  return {
    async fetch(request, signal) {
      // What nobody knows the length of is small.
      if (request.sizeBytes === undefined) return source.fetch(request, signal);
      const bytes = Math.max(1, resolveRange(request.range, request.sizeBytes).lengthBytes);
      underWay++;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      try {
        return await fetchRaced(request, bytes, signal);
      } finally {
        underWay--;
        if (underWay === 0) mostUnderWay = 0;
        else if (isTheEnd()) for (const look of looks) look();
      }
    },
  };
}

type Attempt = (stop: AbortSignal) => Promise<FetchedObject>;

/**
 * The first answer of the two; the first one's error where both fail. When it settles, neither is under way any more: the loser's
 * memory is free.
 */
async function race(
  first: Attempt,
  second: Attempt,
  watch: (onSlow: () => void) => () => void,
  signal: AbortSignal,
): Promise<FetchedObject> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const slow = Promise.withResolvers<undefined>();
  const callOff = watch(() => slow.resolve(undefined));
  const running = [first(stop)];
  try {
    const early = await Promise.race([...running, slow.promise]);
    if (early !== undefined) return early;
    running.push(second(stop));
    return await Promise.any(running);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    callOff();
    over.abort();
    await Promise.allSettled(running);
  }
}
