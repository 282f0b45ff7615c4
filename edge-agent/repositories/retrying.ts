/** The disposition `retry`: exponential backoff with full jitter, after the wait that a server asks for, within a total deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '#shared/errors.ts';
import type { PartSource } from '../ports.ts';
import { RetryAfter } from './retry-after.ts';

export interface RetryOptions {
  /** A request is given up when its next attempt would begin later than this after its first. */
  readonly deadlineSeconds: number;
  readonly firstDelaySeconds: number;
  readonly maxDelaySeconds: number;
  readonly clock: RetryClock;
}

/** Time and chance, replaced in tests. */
export interface RetryClock {
  /** Any origin, monotonic. */
  nowSeconds(): number;
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

const SYSTEM_CLOCK: RetryClock = {
  nowSeconds: () => performance.now() / 1000,
  async sleep(seconds, signal) {
    // An abort rejects with an error of the timer's own; the reason is thrown by the caller.
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
  },
  random: Math.random,
};

const DEFAULTS: RetryOptions = {
  deadlineSeconds: 120,
  firstDelaySeconds: 0.2,
  maxDelaySeconds: 10,
  clock: SYSTEM_CLOCK,
};

export function retrying(source: PartSource, options: Partial<RetryOptions> = {}): PartSource {
  const { deadlineSeconds, firstDelaySeconds, maxDelaySeconds, clock } = { ...DEFAULTS, ...options };
  return {
    async fetch(request, signal) {
      const deadline = clock.nowSeconds() + deadlineSeconds;
      for (let attempt = 0; ; attempt++) {
        try {
          return await source.fetch(request, signal);
        } catch (error) {
          if (!hasCode(error) || error.disposition !== 'retry') throw error;
          const jitterSeconds = clock.random() * Math.min(maxDelaySeconds, firstDelaySeconds * 2 ** attempt);
          // Not all at the very moment that the server named.
          const delaySeconds = jitterSeconds + (error.cause instanceof RetryAfter ? error.cause.seconds : 0);
          if (clock.nowSeconds() + delaySeconds > deadline) throw error;
          await clock.sleep(delaySeconds, signal);
          signal.throwIfAborted();
        }
      }
    },
  };
}
