/** Asks again while the API is away or has too much to do: only what is safe to ask twice. */
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '#shared/errors.ts';
import { say } from './output.ts';

export interface Patience {
  /** After this, the last error stands. */
  readonly deadlineMs: number;
  /** Pauses are random (full jitter) below a bound that doubles from this … */
  readonly firstPauseMs: number;
  /** … to this. */
  readonly longestPauseMs: number;
}

const PATIENCE: Patience = { deadlineMs: 60_000, firstPauseMs: 1_000, longestPauseMs: 10_000 };

/** Throws what `ask` throws: at once where asking again does not help. */
export async function repeatUntilAnswered<T>(ask: () => Promise<T>, patience = PATIENCE): Promise<T> {
  const deadline = performance.now() + patience.deadlineMs;
  for (let boundMs = patience.firstPauseMs; ; boundMs = Math.min(2 * boundMs, patience.longestPauseMs)) {
    try {
      return await ask();
    } catch (error) {
      const pauseMs = Math.random() * boundMs;
      const isPassing = hasCode(error, 'SERVICE_UNAVAILABLE', 'THROTTLED');
      if (!isPassing || performance.now() + pauseMs >= deadline) throw error;
      say(`${error.message}; asking again in ${(pauseMs / 1000).toFixed(1)} s`);
      await delay(pauseMs);
    }
  }
}
