/** An agent's report on a warming. */
import { applyWarmingReport, isWarmingOver, type Warming, type WarmingReport } from '#shared/warming.ts';
import { retryConflict } from '../retry-conflict.ts';
import { commitWarming, findWarmingAt, type SiteWarmingPorts } from '../site-warming.ts';

/** Progress changes the row alone; an end is in the audit trail, too. Throws NOT_FOUND, CONFLICT. */
export async function recordWarmingReport(
  siteId: string,
  warmingId: string,
  report: WarmingReport,
  ports: SiteWarmingPorts,
): Promise<Warming> {
  return retryConflict(
    () => findWarmingAt(siteId, warmingId, 'warming.report', ports),
    async (before) => {
      const after = applyWarmingReport(before, report, ports.now().toISOString());
      if (after === before) return before;
      const reason = report.phase === 'FAILED' ? `FAILED ${report.failure.code}` : report.phase;
      const audited = isWarmingOver(after) ? ({ action: 'warming.report', reason } as const) : undefined;
      return commitWarming(before, after, audited, ports);
    },
  );
}
