/** Token buckets in memory. */
import { RATE_LIMITS, type RateClass, takeToken } from '../../../functions/http/rate-limit.ts';
import type { RateLimiter } from '../../../functions/ports.ts';

export class MemoryRateLimiter implements RateLimiter {
  readonly #fullAtMs = new Map<string, number>();

  take(caller: string, rateClass: RateClass, now: Date): Promise<number> {
    const key = `${rateClass} ${caller}`;
    const taken = takeToken(this.#fullAtMs.get(key), RATE_LIMITS[rateClass], now.getTime());
    if ('waitSeconds' in taken) return Promise.resolve(taken.waitSeconds);
    this.#fullAtMs.set(key, taken.fullAtMs);
    return Promise.resolve(0);
  }
}
