import { reportsRequest } from '#shared/api/agents.ts';
import { composeApi, composeRecordReport } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { recordReports } from './record-reports.ts';

const ports = composeRecordReport();

export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'deployment.report', ports);
  const { reports } = request.body(reportsRequest);
  return { status: 200, body: { results: await recordReports(siteId, reports, ports) } };
});
