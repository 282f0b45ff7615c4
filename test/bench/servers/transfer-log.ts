/** What the web server sent, in its own words. */
import { readFile } from 'node:fs/promises';

export interface Transfers {
  readonly requests: number;
  /** Of all bodies. */
  readonly bytes: number;
  /** Of each answer. */
  readonly paths: readonly string[];
}

export class TransferLog {
  readonly file: string;
  readonly #port: number;
  #readLines = 0;

  /** @param port whose answers are counted */
  constructor(file: string, port: number) {
    this.file = file;
    this.#port = port;
  }

  /** Answers since the last call. */
  async take(): Promise<Transfers> {
    // What follows the last line's end is not written to its end yet.
    const lines = (await readFile(this.file, 'utf8')).split('\n').slice(0, -1);
    const from = this.#readLines;
    this.#readLines = Math.max(from, lines.length);
    const sent = lines
      .slice(from)
      .map((line) => line.split(' '))
      .filter(([port]) => Number(port) === this.#port);
    return {
      requests: sent.length,
      bytes: sent.reduce((sum, [, , bytes]) => sum + Number(bytes), 0),
      paths: sent.map(([, , , ...path]) => path.join(' ')),
    };
  }
}
