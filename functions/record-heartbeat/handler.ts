import { heartbeatRequest } from '#shared/api/agents.ts';
import { composeApi, composeRecordHeartbeat } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';

const ports = composeRecordHeartbeat();

/** An agent says that it lives, and what its site has: free, and in the cache. */
export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'agent.heartbeat', ports);
  const said = request.body(heartbeatRequest);
  await ports.sites.recordHeartbeat(siteId, ports.now().toISOString(), said);
  return { status: 200, body: {} };
});
