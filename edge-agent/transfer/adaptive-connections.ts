/**
 * How many requests are in flight at once: eight at first, twice as many whenever the last doubling has made the transfer faster by a
 * tenth. Pure: time and bytes are told.
 *
 * A far or cold place gives little on each connection, and needs many; a near one is as fast with few.
 */
import type { Delivery } from '../ports.ts';

export interface ConnectionBounds {
  readonly first: number;
  readonly most: number;
  /** Where most objects come from an edge that has to get them first. */
  readonly mostOnMisses: number;
}

export const ADAPTIVE: ConnectionBounds = { first: 8, most: 32, mostOnMisses: 64 };
/** As many as the operator wants, always. */
export const fixedConnections = (connections: number): ConnectionBounds => ({
  ...{ first: connections, most: connections, mostOnMisses: connections },
});

const RISE = 1.1;
/** New connections are slow at first: so many times until their first byte nobody looks at the rate. */
const SETTLING_ROUNDS = 2;
const LEAST_WINDOW_SECONDS = 0.25;
const RECENT_DELIVERIES = 32;

export class AdaptiveConnections {
  readonly #bounds: ConnectionBounds;
  #limit: number;
  #waitSeconds = 0;
  #bytes = 0;
  /** The rate is looked at from then on. */
  #windowStart: number | undefined;
  #rate = 0;
  /** The limit before the last doubling, while nobody knows yet whether it has helped. */
  #before: number | undefined;
  readonly #recentMisses: boolean[] = [];

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
    this.#limit = bounds.first;
  }

  get limit(): number {
    return this.#limit;
  }

  /** @param waitSeconds from a request to the first byte of its answer */
  answered(waitSeconds: number): void {
    this.#waitSeconds = this.#waitSeconds === 0 ? waitSeconds : 0.8 * this.#waitSeconds + 0.2 * waitSeconds;
  }

  delivered({ cacheHit }: Delivery): void {
    this.#recentMisses.push(cacheHit === false);
    if (this.#recentMisses.length > RECENT_DELIVERIES) this.#recentMisses.shift();
  }

  /** @param nowSeconds a monotonic clock, of any origin */
  arrived(bytes: number, nowSeconds: number): void {
    this.#windowStart ??= nowSeconds + SETTLING_ROUNDS * this.#waitSeconds;
    if (nowSeconds < this.#windowStart) return;
    this.#bytes += bytes;
    const seconds = nowSeconds - this.#windowStart;
    if (seconds < Math.max(LEAST_WINDOW_SECONDS, this.#waitSeconds)) return;
    this.#decide(this.#bytes / seconds);
    this.#bytes = 0;
    this.#windowStart = nowSeconds;
    if (this.#before !== undefined) this.#windowStart += SETTLING_ROUNDS * this.#waitSeconds;
  }

  #decide(rate: number): void {
    const hasRisen = rate >= this.#rate * RISE;
    if (hasRisen) {
      this.#rate = rate;
      this.#before = this.#limit;
      this.#limit = Math.min(this.#limit * 2, this.#most());
      if (this.#limit === this.#before) this.#before = undefined;
    } else if (this.#before !== undefined) {
      this.#limit = this.#before;
      this.#before = undefined;
    }
  }

  #most(): number {
    const misses = this.#recentMisses.filter(Boolean).length;
    const { most, mostOnMisses } = this.#bounds;
    return misses * 2 > this.#recentMisses.length ? mostOnMisses : most;
  }
}
