import { deploymentListQuery, eventsQuery, siteDeploymentsQuery } from '#shared/api/deployments.ts';
import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeReadDeployments } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { listDeployments } from './list-deployments.ts';
import { listSiteDeployments } from './list-site-deployments.ts';
import { readEvents, showDeployment } from './show-deployment.ts';

const ports = composeReadDeployments();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  switch (request.routeKey) {
    case 'GET /v1/deployments':
      return { status: 200, body: await listDeployments(member, request.query(deploymentListQuery), ports) };
    case 'GET /v1/deployments/{deploymentId}': {
      const deployment = await showDeployment(member, request.pathParameter('deploymentId'), ports);
      return { status: 200, body: { deployment } };
    }
    case 'GET /v1/deployments/{deploymentId}/events': {
      const { after = 0 } = request.query(eventsQuery);
      const events = await readEvents(member, request.pathParameter('deploymentId'), after, ports);
      return { status: 200, body: { events } };
    }
    case 'GET /v1/sites/{siteId}/deployments': {
      const [siteId, query] = [request.pathParameter('siteId'), request.query(siteDeploymentsQuery)];
      return { status: 200, body: await listSiteDeployments(member, siteId, query, ports) };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
