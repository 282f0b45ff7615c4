import { composeApi, composeDestroyDeployment } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { destroyDeployment } from './destroy-deployment.ts';

const ports = composeDestroyDeployment();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const deployment = await destroyDeployment(member, request.pathParameter('deploymentId'), ports);
  return { status: 202, body: { deployment } };
});
