/** A cap on what all transfers of this agent take from the network together: a token bucket that may be overdrawn by one chunk. */
import { setTimeout as delay } from 'node:timers/promises';

export interface BandwidthClock {
  /** Any origin, monotonic. */
  nowSeconds(): number;
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
}

const SYSTEM_CLOCK: BandwidthClock = {
  nowSeconds: () => performance.now() / 1000,
  async sleep(seconds, signal) {
    await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
  },
};

/** So much may come at once after a pause. */
const BURST_SECONDS = 0.1;

export class Bandwidth {
  readonly #bytesPerSecond: number;
  readonly #clock: BandwidthClock;
  /** When all that was taken so far would have come, at the cap. */
  #paidUntil: number;

  constructor(bytesPerSecond: number, clock = SYSTEM_CLOCK) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#paidUntil = clock.nowSeconds();
  }

  /** Waits until so many bytes, which have come, are within the cap; whoever waits does not read on. Answers for how many seconds. */
  async take(bytes: number, signal: AbortSignal): Promise<number> {
    const now = this.#clock.nowSeconds();
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST_SECONDS) + bytes / this.#bytesPerSecond;
    const waitSeconds = this.#paidUntil - now;
    if (waitSeconds <= 0) return 0;
    await this.#clock.sleep(waitSeconds, signal);
    signal.throwIfAborted();
    return waitSeconds;
  }
}
