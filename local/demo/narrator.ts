/** Tells what the demo does: steps with their times on standard error, results on standard output, the rest in a log file. */
import { createWriteStream } from 'node:fs';

const STILL_INTERVAL_MS = 10_000;

export interface LogFile extends AsyncDisposable {
  readonly write: (line: string) => void;
}

export class Narrator {
  readonly #begin = performance.now();

  /** What a program looks for. */
  data(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  say(words: string): void {
    process.stderr.write(`[${((performance.now() - this.#begin) / 1000).toFixed(1).padStart(6)} s] ${words}\n`);
  }

  /** Something that one of the programs said. */
  readonly detail = (line: string): void => {
    process.stderr.write(`           | ${line}\n`);
  };

  /** A piece of work: its begin, signs of life while it takes long, its end. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    const taken = (): string => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
    this.say(`${name} …`);
    const timer = setInterval(() => this.say(`still ${name} (${taken()})`), STILL_INTERVAL_MS);
    try {
      const result = await work();
      this.say(`${name}: done in ${taken()}`);
      return result;
    } finally {
      clearInterval(timer);
    }
  }

  logTo(file: string): LogFile {
    const stream = createWriteStream(file, { mode: 0o600 });
    return {
      write: (line) => void stream.write(`${line}\n`),
      [Symbol.asyncDispose]: () => new Promise((resolve) => stream.end(() => resolve())),
    };
  }
}
