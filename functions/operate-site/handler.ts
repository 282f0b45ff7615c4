import { setSiteAccessRequest, siteResponse } from '#shared/api/sites.ts';
import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeOperateSite } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { drainSite, readAccess, resumeSite, setAccess } from './operate-site.ts';

const ports = composeOperateSite();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const siteId = request.pathParameter('siteId');
  switch (request.routeKey) {
    case 'PUT /v1/sites/{siteId}/drain':
      return { status: 200, body: siteResponse.parse({ site: await drainSite(member, siteId, ports) }) };
    case 'DELETE /v1/sites/{siteId}/drain':
      return { status: 200, body: siteResponse.parse({ site: await resumeSite(member, siteId, ports) }) };
    case 'GET /v1/sites/{siteId}/grants':
      return { status: 200, body: { access: await readAccess(member, siteId, ports) } };
    case 'PUT /v1/sites/{siteId}/grants': {
      const wished = request.body(setSiteAccessRequest);
      return { status: 200, body: { access: await setAccess(member, siteId, wished, ports) } };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
