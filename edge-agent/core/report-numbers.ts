/**
 * Numbers the reports on a deployment. A report must be above every one that was made before it: by this agent, by the process before a
 * crash, and before the clock was set back. The clock tells most of that, and the row, which knows the last one applied, the rest (a
 * hybrid logical clock: Kulkarni et al., 2014).
 */
export class ReportNumbers {
  #last: number;

  /** @param lastApplied of the row, where a report was applied already */
  constructor(lastApplied = 0) {
    this.#last = lastApplied;
  }

  next(nowMs: number): number {
    this.#last = Math.max(nowMs, this.#last + 1);
    return this.#last;
  }
}
