/**
 * How many requests are in flight at once: eight at first, twice as many whenever the last doubling has made the transfer faster by a
 * tenth, and it is the network that everybody waits for. Pure: time and bytes are told.
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
/** New connections are slow at first: only after so many times until their first byte it is told that they do not help. */
const SETTLING_ROUNDS = 3;
const LEAST_WINDOW_SECONDS = 0.25;
const RECENT_ANSWERS = 32;

export class AdaptiveConnections {
  readonly #bounds: ConnectionBounds;
  #limit: number;
  #waitSeconds = 0;
  readonly #recentMisses: boolean[] = [];
  /** Since `#windowStart`, and how much of it while more than half of the answers waited to be used. */
  #bytes = 0;
  #heldUpBytes = 0;
  #windowStart: number | undefined;
  /** The best so far. */
  #rate = 0;
  /** The last doubling, while nobody knows yet whether it has helped. */
  #tried: { readonly before: number; readonly since: number } | undefined;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
    this.#limit = bounds.first;
  }

  get limit(): number {
    return this.#limit;
  }

  /** The head of an answer is here. @param waitSeconds since its request */
  answered(waitSeconds: number, { cacheHit }: Delivery): void {
    this.#waitSeconds = this.#waitSeconds === 0 ? waitSeconds : 0.8 * this.#waitSeconds + 0.2 * waitSeconds;
    this.#recentMisses.push(cacheHit === false);
    if (this.#recentMisses.length > RECENT_ANSWERS) this.#recentMisses.shift();
  }

  /**
   * @param unused how many answers have come and wait to be used: where those are most, it is not the network that is slow
   * @param nowSeconds a monotonic clock, of any origin
   */
  arrived(bytes: number, unused: number, nowSeconds: number): void {
    this.#windowStart ??= nowSeconds;
    this.#bytes += bytes;
    if (unused * 2 > this.#limit) this.#heldUpBytes += bytes;
    const seconds = nowSeconds - this.#windowStart;
    if (seconds < Math.max(LEAST_WINDOW_SECONDS, this.#waitSeconds)) return;
    if (this.#heldUpBytes * 2 <= this.#bytes) this.#decide(this.#bytes / seconds, nowSeconds);
    this.#bytes = 0;
    this.#heldUpBytes = 0;
    this.#windowStart = nowSeconds;
  }

  #decide(rate: number, nowSeconds: number): void {
    if (rate >= this.#rate * RISE) {
      this.#rate = rate;
      const doubled = Math.min(this.#limit * 2, this.#most());
      this.#tried = doubled > this.#limit ? { before: this.#limit, since: nowSeconds } : undefined;
      this.#limit = Math.max(this.#limit, doubled);
    } else if (this.#tried !== undefined && nowSeconds - this.#tried.since >= SETTLING_ROUNDS * this.#waitSeconds) {
      this.#limit = this.#tried.before;
      this.#tried = undefined;
    }
  }

  #most(): number {
    const misses = this.#recentMisses.filter(Boolean).length;
    const { most, mostOnMisses } = this.#bounds;
    return misses * 2 > this.#recentMisses.length ? mostOnMisses : most;
  }
}
