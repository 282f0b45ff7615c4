/** Collects what has been started, so that all of it is closed again: last started, first closed. */
export class Closers {
  readonly #starting: Promise<unknown>[] = [];
  readonly #started: { close(): Promise<void> }[] = [];

  /** Passes on what is being started, and remembers to close it. */
  keep<Closable extends { close(): Promise<void> }>(starting: Promise<Closable>): Promise<Closable> {
    const kept = starting.then((closable) => {
      this.#started.push(closable);
      return closable;
    });
    this.#starting.push(kept);
    return kept;
  }

  /** Waits for what is still starting, then closes everything once, even when one of them fails: that error comes last. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#starting);
    const failures: unknown[] = [];
    for (let next = this.#started.pop(); next !== undefined; next = this.#started.pop()) {
      await next.close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Something did not close.');
  }
}
