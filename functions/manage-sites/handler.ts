import { registerSiteRequest, siteListResponse } from '#shared/api.ts';
import { composeApi, composeManageSites } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { isGranted } from '../site-rules.ts';
import { registerSite } from './manage-sites.ts';

const ports = composeManageSites();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  if (request.routeKey === 'GET /v1/sites') {
    // The schema leaves out what is not a member's business: the queue, the egress address, grants of others.
    const all = await ports.sites.list();
    const sites = all.map((site) => ({ ...site, granted: isGranted(site.access, member) }));
    return { status: 200, body: siteListResponse.parse({ sites }) };
  }
  return { status: 201, body: await registerSite(member, request.body(registerSiteRequest), ports) };
});
