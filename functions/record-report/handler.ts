import { reportSchema } from '#shared/apply-report.ts';
import { composeApi, composeRecordReport } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { recordReport } from './record-report.ts';

const ports = composeRecordReport();

export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'deployment.report', ports);
  const report = request.body(reportSchema);
  const deployment = await recordReport(siteId, request.pathParameter('deploymentId'), report, ports);
  return { status: 200, body: { deployment } };
});
