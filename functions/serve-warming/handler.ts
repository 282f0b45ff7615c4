import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeServeWarming } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { readWarmingJob, renewWarmingUrls } from './serve-warming.ts';

const ports = composeServeWarming();

export const handler = apiHandler(composeApi(), async (request) => {
  const [siteId, warmingId] = [request.pathParameter('siteId'), request.pathParameter('warmingId')];
  switch (request.routeKey) {
    case 'GET /v1/sites/{siteId}/warmings/{warmingId}':
      await requireAgentOf(siteId, request.identity, 'job.read', ports);
      return { status: 200, body: await readWarmingJob(siteId, warmingId, ports) };
    case 'POST /v1/sites/{siteId}/warmings/{warmingId}/grant':
      await requireAgentOf(siteId, request.identity, 'urls.mint', ports);
      return { status: 200, body: { grant: await renewWarmingUrls(siteId, warmingId, ports) } };
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
