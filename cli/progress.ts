/** A progress bar on standard error; where that is no terminal, a line now and then. */
import { SingleBar } from 'cli-progress';
import { say } from './output.ts';

const LINE_INTERVAL_MS = 5_000;

export interface Progress {
  update(value: number, note: string): void;
  stop(): void;
}

export function startProgress(what: string, total: number): Progress {
  return process.stderr.isTTY ? startBar(what, total) : startLines(what, total);
}

function startBar(what: string, total: number): Progress {
  const bar = new SingleBar({
    format: `${what} [{bar}] {percentage} % | {note} | ETA {eta} s`,
    stream: process.stderr,
  });
  bar.start(total, 0, { note: '' });
  // The terminal gets its settings back however the program ends.
  const stop = (): void => bar.stop();
  process.once('exit', stop);
  return {
    update: (value, note) => bar.update(value, { note }),
    stop: () => {
      process.off('exit', stop);
      stop();
    },
  };
}

function startLines(what: string, total: number): Progress {
  let saidAt = performance.now();
  say(what);
  return {
    update: (value, note) => {
      if (performance.now() - saidAt < LINE_INTERVAL_MS) return;
      saidAt = performance.now();
      say(`${what}: ${Math.floor((100 * value) / total)} %, ${note}`);
    },
    stop: () => undefined,
  };
}
