/** Time that passes as fast as its events are worked off. */
import type { Clock } from '../bench/model/clock.ts';

export class SimulatedClock implements Clock {
  readonly #events: { readonly atMs: number; readonly action: () => void }[] = [];
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  at(timeMs: number, action: () => void): void {
    const later = this.#events.findLastIndex((event) => event.atMs <= timeMs);
    this.#events.splice(later + 1, 0, { atMs: timeMs, action });
  }

  /** Until nothing is left to happen, or that time is reached. */
  run(untilMs = Infinity): void {
    for (let next = this.#events[0]; next !== undefined && next.atMs <= untilMs; next = this.#events[0]) {
      this.#events.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
    }
    if (untilMs !== Infinity) this.#nowMs = untilMs;
  }
}
