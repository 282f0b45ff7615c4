import { requestDeploymentRequest } from '#shared/api/deployments.ts';
import { composeApi, composeRequestDeployment } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { readIdempotencyKey } from '../http/idempotency-key.ts';
import { requireMember } from '../http/identity.ts';
import { requestDeployment } from './request-deployment.ts';

const ports = composeRequestDeployment();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const wish = request.body(requestDeploymentRequest);
  const deployment = await requestDeployment(member, wish, readIdempotencyKey(request), ports);
  return { status: 202, body: { deployment } };
});
