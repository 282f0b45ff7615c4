import { EdgebootError } from '#shared/errors.ts';
import { composeReadDeployments } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { findOwnDeployment, readEvents } from './read-deployments.ts';

const ports = composeReadDeployments();

export const handler = apiHandler(ports.log, async (request) => {
  const member = requireMember(request.identity);
  switch (request.routeKey) {
    case 'GET /v1/deployments':
      return { status: 200, body: { deployments: await ports.deployments.listByMember(member.memberId) } };
    case 'GET /v1/deployments/{deploymentId}': {
      const deploymentId = request.pathParameter('deploymentId');
      const deployment = await findOwnDeployment(member, deploymentId, 'deployment.read', ports);
      return { status: 200, body: { deployment } };
    }
    case 'GET /v1/deployments/{deploymentId}/events': {
      const after = Number(request.query('after') ?? '0');
      if (!Number.isSafeInteger(after) || after < 0) {
        throw new EdgebootError('INVALID_REQUEST', 'after must be the sequence number of an event');
      }
      const events = await readEvents(member, request.pathParameter('deploymentId'), after, ports);
      return { status: 200, body: { events } };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
