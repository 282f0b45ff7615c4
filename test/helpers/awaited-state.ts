/** Waits for a state that nobody announces: looks again until it is there. The test's own limit ends the waiting. */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MILLISECONDS = 20;

export async function awaitState(isThere: () => Promise<boolean>): Promise<void> {
  while (!(await isThere())) await delay(LOOK_AGAIN_MILLISECONDS);
}
