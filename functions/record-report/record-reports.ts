/** A batch of an agent's reports, one after the other: one that cannot be applied does not keep the others from being. */
import type { ReportResult, SiteReport } from '#shared/api/agents.ts';
import { EdgebootError } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { problemOf } from '../http/problem.ts';
import type { SiteDeploymentPorts } from '../read-job/read-job.ts';
import type { SiteWarmingPorts } from '../site-warming.ts';
import { recordReport } from './record-report.ts';
import { recordWarmingReport } from './record-warming-report.ts';

export type RecordReportsPorts = SiteDeploymentPorts & SiteWarmingPorts;

/** A result for each report, in their order. */
export async function recordReports(
  siteId: string,
  reports: readonly SiteReport[],
  ports: RecordReportsPorts,
): Promise<ReportResult[]> {
  const results: ReportResult[] = [];
  for (const one of reports) results.push(await resultOf(siteId, one, ports));
  return results;
}

async function resultOf(siteId: string, one: SiteReport, ports: RecordReportsPorts): Promise<ReportResult> {
  try {
    if ('deploymentId' in one) {
      const { reportSequence } = await recordReport(siteId, one.deploymentId, one.report, ports);
      return { lastSequence: reportSequence };
    }
    await recordWarmingReport(siteId, one.warmingId, one.report, ports);
    return {};
  } catch (error) {
    const { code, detail, remedy } = problemOf(error);
    const ids = 'deploymentId' in one ? { deploymentId: one.deploymentId } : { warmingId: one.warmingId };
    const fields = { ...ids, siteId, operation: 'recordReports', errorCode: code };
    if (error instanceof EdgebootError) ports.log.info('report refused', { ...fields, reason: boundedText(detail) });
    else ports.log.error('report failed', { ...fields, reason: boundedText(String((error as Error).stack ?? error)) });
    return { refused: { code, detail, remedy } };
  }
}
