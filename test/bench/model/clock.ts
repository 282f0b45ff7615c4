/** Time for the model: the real one for sockets, another one for tests. */

export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Runs `action` at that time, or as soon as possible where it is past. */
  at(timeMs: number, action: () => void): void;
}

/** Rounds to milliseconds, as timers do: sometimes early, sometimes late, never always late. */
export const realClock: Clock = {
  now: () => performance.now(),
  at(timeMs, action) {
    const delayMs = Math.round(timeMs - performance.now());
    if (delayMs > 0) setTimeout(action, delayMs);
    else setImmediate(action);
  },
};
