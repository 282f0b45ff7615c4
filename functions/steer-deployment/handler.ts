import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeSteerDeployment } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { scaleDeploymentRequest } from '#shared/api/deployments.ts';
import { scaleDeployment } from './scale-deployment.ts';
import { startDeployment, stopDeployment } from './steer-deployment.ts';

const ports = composeSteerDeployment();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const deploymentId = request.pathParameter('deploymentId');
  switch (request.routeKey) {
    case 'POST /v1/deployments/{deploymentId}/stop':
      return { status: 202, body: { deployment: await stopDeployment(member, deploymentId, ports) } };
    case 'POST /v1/deployments/{deploymentId}/start':
      return { status: 202, body: { deployment: await startDeployment(member, deploymentId, ports) } };
    case 'POST /v1/deployments/{deploymentId}/scale': {
      const { computes } = request.body(scaleDeploymentRequest);
      return { status: 202, body: { deployment: await scaleDeployment(member, deploymentId, computes, ports) } };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
