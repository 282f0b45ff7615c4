import { registerSiteRequest, showSiteResponse, siteListResponse } from '#shared/api/sites.ts';
import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeManageSites } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { readIdempotencyKey } from '../http/idempotency-key.ts';
import { requireMember } from '../http/identity.ts';
import { registerSite } from './manage-sites.ts';
import { listSites, showSite } from './show-sites.ts';

const ports = composeManageSites();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  // The schemas leave out what is not a member's business: the queue, the egress address, grants of others.
  switch (request.routeKey) {
    case 'GET /v1/sites':
      return { status: 200, body: siteListResponse.parse({ sites: await listSites(member, ports) }) };
    case 'GET /v1/sites/{siteId}': {
      const site = await showSite(member, request.pathParameter('siteId'), ports);
      return { status: 200, body: showSiteResponse.parse({ site }) };
    }
    case 'POST /v1/sites': {
      const settings = request.body(registerSiteRequest);
      return { status: 201, body: await registerSite(member, settings, readIdempotencyKey(request), ports) };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
