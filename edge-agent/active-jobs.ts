/** One job at a time per deployment: a newer wish stops the work on an older one, a second copy of a message does nothing. */
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
    { deploymentId, generation }: { readonly deploymentId: string; readonly generation: number },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<'done' | 'duplicate'> {
    for (let active = this.#jobs.get(deploymentId); active; active = this.#jobs.get(deploymentId)) {
      if (active.generation >= generation) return 'duplicate';
      active.superseded.abort(new EdgebootError('SUPERSEDED', `generation ${generation} took over`));
      await active.ended;
    }
    const superseded = new AbortController();
    const working = work(AbortSignal.any([signal, superseded.signal]));
    const ended = working.catch(() => undefined).finally(() => this.#jobs.delete(deploymentId));
    this.#jobs.set(deploymentId, { generation, superseded, ended });
    try {
      await working;
      return 'done';
    } finally {
      await ended;
    }
  }
}
