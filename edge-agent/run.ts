/** One piece of work on one cluster, or on a warming: what every step of the flow is given. */
import type { Job } from '#shared/api/agents.ts';
import type { WarmingJob } from '#shared/api/warmings.ts';
import type { Timeline } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import type { ReportNumbers } from './core/report-numbers.ts';

export interface Work {
  /** Aborted with the reason: LEASE_LOST, SUPERSEDED, SHUTDOWN, CANCELED. Steps look at it before each side effect. */
  readonly signal: AbortSignal;
  readonly stopwatch: Stopwatch;
}

/** Work on a deployment of the federation. */
export interface Run extends Work {
  readonly job: Job;
  /** From the message; a renewal replaces it. */
  readonly grant: Grant | undefined;
  readonly receivedAt: Date;
  readonly numbers: ReportNumbers;
}

/** Work on a warming. */
export interface WarmRun {
  readonly job: WarmingJob;
  /** From the message; a renewal replaces it. */
  readonly grant: Grant | undefined;
  /** Aborted with the reason: LEASE_LOST, SHUTDOWN. */
  readonly signal: AbortSignal;
}

/** Seconds per step, in the order of the steps. */
export class Stopwatch {
  readonly #steps: Timeline['steps'] = [];

  get steps(): Timeline['steps'] {
    return [...this.#steps];
  }

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.#steps.push({ name, seconds: Math.round(performance.now() - begin) / 1000 });
    }
  }
}
