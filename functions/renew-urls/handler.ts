import { composeApi, composeRenewUrls } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { renewUrls } from './renew-urls.ts';

const ports = composeRenewUrls();

export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'urls.mint', ports);
  return { status: 200, body: { grant: await renewUrls(siteId, request.pathParameter('deploymentId'), ports) } };
});
