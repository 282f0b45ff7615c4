/**
 * Reports go out one request at a time. Those that are made while one is under way wait for it, and go together with the next, in their
 * order. Of progress that waits, the newest of each job is enough.
 */
import { MAX_REPORTS, type SiteReport, siteReportSchema } from '#shared/api/agents.ts';
import { MAX_BODY_BYTES } from '#shared/api/limits.ts';
import type { EdgebootError } from '#shared/errors.ts';

/** For each report, why it was not taken; `undefined` where it was. Throws where nobody knows what became of any. */
export type SendReports = (
  reports: readonly SiteReport[],
  signal: AbortSignal,
) => Promise<readonly (EdgebootError | undefined)[]>;

interface Waiting extends PromiseWithResolvers<undefined> {
  readonly said: SiteReport;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

/** `{"reports":[]}` */
const ENVELOPE_BYTES = 14;

export class ReportBatches {
  readonly #send: SendReports;
  readonly #waiting: Waiting[] = [];
  #isSending = false;

  constructor(send: SendReports) {
    this.#send = send;
  }

  /** Resolves when the report was taken. Throws why it was not, what sending throws, and the signal's reason when it is aborted. */
  async add(said: SiteReport, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    // One that is malformed would have the API refuse all that go with it.
    const sizeBytes = Buffer.byteLength(JSON.stringify(siteReportSchema.parse(said)));
    const waiting: Waiting = { said, sizeBytes, signal, ...Promise.withResolvers<undefined>() };
    this.#overtake(waiting);
    this.#waiting.push(waiting);
    const onAbort = (): void => {
      this.#forget(waiting);
      waiting.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void this.#sendWaiting();
    await waiting.promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** What older progress of the same job would have said, this one says. */
  #overtake(newer: Waiting): void {
    if (!isProgress(newer.said)) return;
    const older = this.#waiting.find(({ said }) => isProgress(said) && jobOf(said) === jobOf(newer.said));
    if (older === undefined) return;
    this.#forget(older);
    older.resolve(newer.promise);
  }

  #forget(waiting: Waiting): void {
    const position = this.#waiting.indexOf(waiting);
    if (position >= 0) this.#waiting.splice(position, 1);
  }

  async #sendWaiting(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length > 0) await this.#sendBatch(this.#takeBatch());
    this.#isSending = false;
  }

  /** As many as one request takes. */
  #takeBatch(): Waiting[] {
    let totalBytes = ENVELOPE_BYTES;
    const end = this.#waiting.findIndex(({ sizeBytes }, i) => {
      totalBytes += sizeBytes + (i > 0 ? 1 : 0);
      return i === MAX_REPORTS || (i > 0 && totalBytes > MAX_BODY_BYTES);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const ended = new AbortController();
    const signal = abortedByAll(batch, ended.signal);
    try {
      const errors = await this.#send(
        batch.map(({ said }) => said),
        signal,
      );
      for (const [i, { resolve, reject }] of batch.entries()) {
        if (errors[i] === undefined) resolve(undefined);
        else reject(errors[i]);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      ended.abort();
    }
  }
}

/** Aborted when nobody waits any more. Looks no further once `ended` is aborted. */
function abortedByAll(batch: readonly Waiting[], ended: AbortSignal): AbortSignal {
  const controller = new AbortController();
  let left = batch.length;
  for (const { signal } of batch) {
    const onAbort = (): void => {
      left -= 1;
      if (left === 0) controller.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true, signal: ended });
  }
  return controller.signal;
}

function isProgress({ report }: SiteReport): boolean {
  return 'progress' in report && report.progress !== undefined;
}

function jobOf(said: SiteReport): string {
  return 'deploymentId' in said ? said.deploymentId : said.warmingId;
}
