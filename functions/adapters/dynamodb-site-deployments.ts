/**
 * Which deployments there are at a site, in the table: an item each, from the transaction that makes a deployment to the one that ends it.
 * So the list of what is there does not grow with what was there (docs/decisions/0054).
 */
import type { Deployment } from '#shared/deployment.ts';
import * as z from 'zod';
import type { Key, Table, Write } from './dynamodb-table.ts';

const partition = (siteId: string): string => `SITE_DEPLOYMENTS#${siteId}`;
const keyOf = ({ siteId, deploymentId }: Deployment): Key => ({ pk: partition(siteId), sk: deploymentId });

const siteItem = z.object({ sk: z.string() });

export const beginAtSite = (table: Table, deployment: Deployment): Write => table.put({ ...keyOf(deployment) });

export const endAtSite = (table: Table, deployment: Deployment): Write => table.remove(keyOf(deployment));

export async function listAtSite(
  table: Table,
  siteId: string,
  before: string | undefined,
  limit: number,
): Promise<readonly string[]> {
  return (await table.queryNewest(partition(siteId), before, limit)).map((item) => siteItem.parse(item).sk);
}
