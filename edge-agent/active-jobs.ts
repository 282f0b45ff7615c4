/**
 * One job at a time per deployment, or warming. A newer wish stops the work on an older one; everything else waits for its turn, and finds
 * then what is still to be done: a second copy of a message finds the outcome recorded.
 */
import { EdgebootError } from '#shared/errors.ts';

interface ActiveJob {
  readonly generation: number;
  readonly superseded: AbortController;
  readonly ended: Promise<unknown>;
}

export class ActiveJobs {
  readonly #jobs = new Map<string, ActiveJob>();

  /** Runs `work` with a signal that is aborted by `signal` and by a newer generation (SUPERSEDED). */
  async run(
    { jobId, generation }: { readonly jobId: string; readonly generation: number },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    for (let active = this.#jobs.get(jobId); active; active = this.#jobs.get(jobId)) {
      if (active.generation < generation) {
        active.superseded.abort(new EdgebootError('SUPERSEDED', `generation ${generation} took over`));
      }
      await active.ended;
    }
    signal.throwIfAborted();
    const superseded = new AbortController();
    const working = work(AbortSignal.any([signal, superseded.signal]));
    const ended = working.catch(() => undefined).finally(() => this.#jobs.delete(jobId));
    this.#jobs.set(jobId, { generation, superseded, ended });
    await ended;
    await working;
  }
}
