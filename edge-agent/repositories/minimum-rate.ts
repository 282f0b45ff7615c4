/** Tells when an answer comes so slowly that another connection, or another place, is worth a try. Pure: time is told. */

/** Less than this, over so long, is no transfer. Whoever sends nothing at all is noticed earlier: http-agent.ts. */
const LEAST_BYTES_PER_SECOND = 4096;
const WINDOW_SECONDS = 20;

export class MinimumRate {
  #windowStart: number;
  #bytes = 0;

  /** @param nowSeconds a monotonic clock, of any origin */
  constructor(nowSeconds: number) {
    this.#windowStart = nowSeconds;
  }

  /** False when the bytes of the last seconds are too few. */
  arrived(bytes: number, nowSeconds: number): boolean {
    this.#bytes += bytes;
    const seconds = nowSeconds - this.#windowStart;
    if (seconds < WINDOW_SECONDS) return true;
    const isFast = this.#bytes >= LEAST_BYTES_PER_SECOND * seconds;
    this.#windowStart = nowSeconds;
    this.#bytes = 0;
    return isFast;
  }

  /** For so long we did not read: that is not the server's doing. */
  paused(seconds: number): void {
    this.#windowStart += seconds;
  }
}
