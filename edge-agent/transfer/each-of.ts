/** Works on many things, some at once. */
import { together } from '../together.ts';

/** The first failure stops the others. When it rejects, by that failure or by the signal, all has come to rest. */
export async function eachOf<T>(
  things: Iterable<T>,
  atOnce: number,
  signal: AbortSignal,
  work: (thing: T, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const iterator = things[Symbol.iterator]();
  const worker = async (stop: AbortSignal): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      stop.throwIfAborted();
      await work(next.value, stop);
    }
  };
  await together(
    signal,
    Array.from({ length: atOnce }, () => worker),
  );
}
