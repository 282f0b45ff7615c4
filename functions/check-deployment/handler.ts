import { requestDeploymentRequest } from '#shared/api/deployments.ts';
import { composeApi, composeCheckDeployment } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { checkDeployment } from './check-deployment.ts';

const ports = composeCheckDeployment();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const wish = request.body(requestDeploymentRequest);
  return { status: 200, body: { check: await checkDeployment(member, wish, ports) } };
});
