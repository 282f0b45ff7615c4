import { setTimeout as delay } from 'node:timers/promises';

export interface Patience {
  readonly everySeconds: number;
  readonly forSeconds: number;
  /** A removal has none: it is not stopped. */
  readonly signal?: AbortSignal;
}

/** Asks again and again until the answer is not undefined. Answers undefined when the time is over; throws the signal's reason. */
export async function poll<T>(
  { everySeconds, forSeconds, signal }: Patience,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = performance.now() + forSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() >= end) return answer;
    await delay(everySeconds * 1000, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
