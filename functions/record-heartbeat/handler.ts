import { heartbeatRequest } from '#shared/api.ts';
import { composeApi, composeRecordHeartbeat } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';

const ports = composeRecordHeartbeat();

/** An agent says that it lives, and what is free at its site. */
export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'agent.heartbeat', ports);
  const { free, agentVersion } = request.body(heartbeatRequest);
  await ports.sites.recordHeartbeat(siteId, ports.now().toISOString(), free, agentVersion);
  return { status: 200, body: {} };
});
