/** How much a sender dares to have under way: slow start and CUBIC (RFC 9438), as Linux has them. Pure; time is handed in. */

/** Of an Ethernet with TCP's timestamps. */
export const SEGMENT_BYTES = 1448;
const INITIAL_SEGMENTS = 10;
/** RFC 9438: how fast the window grows again, and what is left of it after a loss. */
const C = 0.4;
const BETA = 0.7;
/** Growth per round trip that is fair to the older algorithm, in segments. */
const RENO_GROWTH = (3 * (1 - BETA)) / (1 + BETA);

/** Sizes are in segments inside, in bytes outside. */
export class CongestionWindow {
  readonly #maxSegments: number;
  readonly #roundTripSeconds: number;
  #size = INITIAL_SEGMENTS;
  #slowStartEnd = Infinity;
  /** Where the last loss came. */
  #lastMax = 0;
  #lossAtMs = 0;
  #renoSize = 0;

  /** @param maxBytes of the sockets' buffers: beyond it the size does not matter */
  constructor(maxBytes: number, roundTripMs: number) {
    this.#maxSegments = maxBytes / SEGMENT_BYTES;
    this.#roundTripSeconds = roundTripMs / 1000;
  }

  get sizeBytes(): number {
    return this.#size * SEGMENT_BYTES;
  }

  /** While the sender did not use the window, an acknowledgment proves nothing: not to be called then. */
  acknowledge(nowMs: number, ackedBytes: number): void {
    const acked = ackedBytes / SEGMENT_BYTES;
    if (this.#size < this.#slowStartEnd) this.#size += acked;
    else this.#size = Math.max(this.#size, this.#cubicSize(nowMs, acked));
    this.#size = Math.min(this.#size, this.#maxSegments);
  }

  /** At most once for all losses of one round trip. */
  lose(nowMs: number): void {
    // Who had to give way before reaching the old size leaves more to others.
    this.#lastMax = this.#size < this.#lastMax ? (this.#size * (1 + BETA)) / 2 : this.#size;
    this.#size = Math.max(2, this.#size * BETA);
    this.#slowStartEnd = this.#size;
    this.#renoSize = this.#size;
    this.#lossAtMs = nowMs;
  }

  /** After a pause longer than the retransmission timeout nothing is known of the road any more. */
  restart(): void {
    this.#size = Math.min(this.#size, INITIAL_SEGMENTS);
  }

  #cubicSize(nowMs: number, acked: number): number {
    const back = Math.cbrt((this.#lastMax * (1 - BETA)) / C);
    const seconds = (nowMs - this.#lossAtMs) / 1000 + this.#roundTripSeconds;
    const target = Math.min(C * (seconds - back) ** 3 + this.#lastMax, 1.5 * this.#size);
    this.#renoSize += (RENO_GROWTH * acked) / this.#size;
    return Math.max(this.#size + ((target - this.#size) * acked) / this.#size, this.#renoSize);
  }
}
