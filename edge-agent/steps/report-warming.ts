/** Tells the control plane how far a warming is. */
import { messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import type { WarmingReport } from '#shared/warming.ts';
import type { WarmingApi } from '../ports.ts';
import type { WarmRun } from '../run.ts';

export interface WarmingReportPorts {
  readonly api: WarmingApi;
  readonly log: Log;
}

/** Throws NOT_FOUND, SERVICE_UNAVAILABLE; the signal's reason when it was aborted. */
export async function reportWarming(report: WarmingReport, run: WarmRun, { api, log }: WarmingReportPorts) {
  run.signal.throwIfAborted();
  const { warmingId } = run.job.warming;
  await api.reportWarming(warmingId, report, run.signal);
  log.info('phase reached', { warmingId, phase: report.phase });
}

/** Nothing depends on it: what cannot be said now is said next time. */
export async function reportWarmingProgress(
  progress: Extract<WarmingReport, { phase: 'FETCHING' }>['progress'],
  { job, signal }: WarmRun,
  { api, log }: WarmingReportPorts,
): Promise<void> {
  const { warmingId } = job.warming;
  try {
    await api.reportWarming(warmingId, { phase: 'FETCHING', progress }, signal);
  } catch (error) {
    log.debug('progress not reported', { warmingId, reason: messageOf(error) });
  }
}
