/** Lets a number of works run at once; the others wait in order. */
import type { PartSource } from '../ports.ts';

export class Limiter {
  readonly #limit: () => number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param limit how many; it may change at any time, and is asked whenever one comes or has ended, and by admit() */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.admit();
    });
    try {
      return await work();
    } finally {
      this.#running--;
      this.admit();
    }
  }

  /** The limit may have grown. */
  admit(): void {
    while (this.#running < this.#limit()) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      next();
    }
  }
}

/** A source that is asked for at most `limit` objects at once. */
export function limitConcurrency(source: PartSource, limit: number): PartSource {
  const limiter = new Limiter(() => limit);
  return {
    async fetch(request, signal) {
      return limiter.run(() => {
        signal.throwIfAborted();
        return source.fetch(request, signal);
      });
    },
  };
}
