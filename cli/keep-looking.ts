/** Looks again and again at what goes on without us. */
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '#shared/errors.ts';
import { say } from './output.ts';

const SOONEST_MS = 1_000;
const LATEST_MS = 5_000;
const SHARE = 1 / 30;

/** When to look again, after so long: waiting is never made longer by more than a share of itself that nobody notices. Pure. */
export function lookAgainAfterMs(waitedMs: number): number {
  return Math.min(Math.max(waitedMs * SHARE, SOONEST_MS), LATEST_MS);
}

/**
 * Resolves with the first answer that is not `undefined`. While the API is away, whoever looks goes on looking. Throws what else
 * `look` throws.
 */
export async function keepLooking<T>(look: () => Promise<T | undefined>): Promise<T> {
  let saidTrouble = '';
  const beganAt = performance.now();
  for (;;) {
    try {
      const seen = await look();
      saidTrouble = '';
      if (seen !== undefined) return seen;
    } catch (error) {
      if (!hasCode(error, 'SERVICE_UNAVAILABLE', 'THROTTLED')) throw error;
      if (error.message !== saidTrouble) say(`${error.message}; going on to ask`);
      saidTrouble = error.message;
    }
    await delay(lookAgainAfterMs(performance.now() - beganAt));
  }
}
