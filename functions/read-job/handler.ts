import { composeApi, composeReadJob } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { readJob } from './read-job.ts';

const ports = composeReadJob();

export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'job.read', ports);
  return { status: 200, body: await readJob(siteId, request.pathParameter('deploymentId'), ports) };
});
