/** What the web server sent, in its own words. */
import { readFile } from 'node:fs/promises';

export interface Transfers {
  readonly requests: number;
  /** Of all bodies. */
  readonly bytes: number;
}

export class TransferLog {
  readonly #file: string;
  readonly #port: number;
  #readLines = 0;

  /** @param port whose answers are counted */
  constructor(file: string, port: number) {
    this.#file = file;
    this.#port = port;
  }

  /** Answers since the last call. */
  async take(): Promise<Transfers> {
    const lines = (await readFile(this.#file, 'utf8')).trimEnd().split('\n');
    const sent = lines
      .slice(this.#readLines)
      .map((line) => line.split(' ').map(Number))
      .filter(([port]) => port === this.#port)
      .map(([, , bytes = 0]) => bytes);
    this.#readLines = lines.length;
    return { requests: sent.length, bytes: sent.reduce((sum, bytes) => sum + bytes, 0) };
  }
}
