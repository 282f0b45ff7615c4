/** One run of a long work for everybody who asks while it is under way: it is aborted when the last of them has left. */

interface Run<Progress, Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  readonly listeners: Set<(progress: Progress) => void>;
}

type Start<Options, Progress, Result> = (
  options: Options,
  report: (progress: Progress) => void,
  signal: AbortSignal,
) => Promise<Result>;

export class SharedTask<Options, Progress, Result> {
  readonly #start: Start<Options, Progress, Result>;
  #run: Run<Progress, Result> | undefined;

  constructor(start: Start<Options, Progress, Result>) {
    this.#start = start;
  }

  /**
   * Joins the run, or starts one with `options`. Rejects with the signal's reason when it is aborted: at once while others wait too, else once
   * the work has come to rest.
   */
  async join(
    options: Options,
    onProgress: ((progress: Progress) => void) | undefined,
    signal: AbortSignal,
  ): Promise<Result> {
    signal.throwIfAborted();
    // A run that is being aborted is left to come to rest; it serves nobody any more.
    while (this.#run?.controller.signal.aborted) await this.#run.result.catch(() => undefined);
    signal.throwIfAborted();
    this.#run ??= this.#begin(options);
    const run = this.#run;
    // Each call has a listener of its own, even when callers pass the same function.
    const listener = (progress: Progress): void => onProgress?.(progress);
    run.listeners.add(listener);

    return new Promise<Result>((resolve, reject) => {
      const onAbort = (): void => {
        run.listeners.delete(listener);
        if (run.listeners.size === 0) run.controller.abort(signal.reason);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is the caller's own
        else reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      run.result.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', onAbort);
        run.listeners.delete(listener);
      });
    });
  }

  #begin(options: Options): Run<Progress, Result> {
    const controller = new AbortController();
    const listeners = new Set<(progress: Progress) => void>();
    const report = (progress: Progress): void => {
      for (const listener of listeners) listener(progress);
    };
    const result = this.#start(options, report, controller.signal).finally(() => {
      this.#run = undefined;
    });
    return { result, controller, listeners };
  }
}
