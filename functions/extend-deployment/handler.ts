import { extendDeploymentRequest } from '#shared/api/deployments.ts';
import { composeApi, composeExtendDeployment } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { extendDeployment } from './extend-deployment.ts';

const ports = composeExtendDeployment();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const { hours } = request.body(extendDeploymentRequest);
  const deployment = await extendDeployment(member, request.pathParameter('deploymentId'), hours, ports);
  return { status: 200, body: { deployment } };
});
