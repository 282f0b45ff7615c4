/** What is being written goes away when it does not get finished: after an error, and at Ctrl-C, which ends the program at once. */
import { rmSync } from 'node:fs';

export interface Unfinished extends Disposable {
  /** From now on it stays. */
  finish(): void;
  /** This one, too. */
  add(path: string): void;
}

export function removedUnlessFinished(...paths: string[]): Unfinished {
  const remove = (): void => {
    // What other threads are creating at this very moment makes a folder not empty: it is tried again.
    for (const path of paths.splice(0)) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', remove);
  return {
    add: (path) => void paths.push(path),
    finish: () => void paths.splice(0),
    [Symbol.dispose]() {
      process.off('exit', remove);
      remove();
    },
  };
}
