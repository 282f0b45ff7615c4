/** What is being written goes away when it does not get finished: after an error, and at Ctrl-C, which ends the program at once. */
import { rmSync } from 'node:fs';

export interface Unfinished extends Disposable {
  /** From now on it stays, if it is still there. */
  finish(): void;
}

/**
 * @param path is to be made synchronously: at the end of the program, what other threads were asked to make may come later than we
 * look. Files in a folder that has been removed cannot.
 */
export function removedUnlessFinished(path: string): Unfinished {
  // What other threads are creating at this very moment makes a folder not empty: it is tried again.
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  let isFinished = false;
  return {
    finish() {
      isFinished = true;
    },
    [Symbol.dispose]() {
      process.off('exit', remove);
      if (!isFinished) remove();
    },
  };
}
