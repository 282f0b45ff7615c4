/** Lets at most `limit` of the given works run at once; the others wait in order. */
import type { PartSource } from '../ports.ts';

export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

export function createLimiter(limit: number): Limiter {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** A source that is asked for at most `limit` objects at once. */
export function limitConcurrency(source: PartSource, limit: number): PartSource {
  const limited = createLimiter(limit);
  return {
    async fetch(request, signal) {
      return limited(() => {
        signal.throwIfAborted();
        return source.fetch(request, signal);
      });
    },
  };
}
