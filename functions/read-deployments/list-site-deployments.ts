/** The deployments at a site that are not over, whoever's they are, newest first, a page at a time: for its operators, on record. */
import type { deploymentListResponse, siteDeploymentsQuery } from '#shared/api/deployments.ts';
import { MAX_PAGE_DEPLOYMENTS, nextToken } from '#shared/api/deployments.ts';
import { isTerminal } from '#shared/deployment.ts';
import * as z from 'zod';
import type { Member } from '../http/identity.ts';
import { findOperatedSite, recordReading } from '../require-operator.ts';
import { type ShowDeploymentPorts, shownTo } from './show-deployment.ts';

/** Throws NOT_FOUND; FORBIDDEN, on record. One that ends while it is read is left out: a page may be short. */
export async function listSiteDeployments(
  operator: Member,
  siteId: string,
  { limit = MAX_PAGE_DEPLOYMENTS, next }: z.infer<typeof siteDeploymentsQuery>,
  ports: ShowDeploymentPorts,
): Promise<z.infer<typeof deploymentListResponse>> {
  const action = 'deployment.read';
  await findOperatedSite(operator, siteId, action, ports);
  const reason = 'the list of the deployments there';
  await recordReading({ actor: `member:${operator.memberId}`, action, siteId, reason }, ports);
  const ids = await ports.deployments.listAtSite(siteId, next, limit + 1);
  const page = ids.slice(0, limit);
  const rows = await Promise.all(page.map((id) => ports.deployments.find(id)));
  const last = page.at(-1);
  return {
    deployments: rows.flatMap((row) => (row && !isTerminal(row.phase) ? [shownTo(operator, row)] : [])),
    ...(ids.length > limit && last !== undefined && { next: z.encode(nextToken, last) }),
  };
}
