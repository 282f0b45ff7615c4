import { enrollRequest } from '#shared/api/agents.ts';
import { composeEnrollAgent } from '../compose.ts';
import { publicApiHandler } from '../http/api-handler.ts';
import { enrollAgent } from './enroll-agent.ts';

const ports = composeEnrollAgent();

export const handler = publicApiHandler(ports.log, async (request) => {
  const { token, publicKeyPem } = request.body(enrollRequest);
  const siteId = await enrollAgent(token, publicKeyPem, ports);
  const { rootPublicKeyPem, audience } = ports;
  return { status: 201, body: { siteId, rootPublicKeyPem, audience } };
});
