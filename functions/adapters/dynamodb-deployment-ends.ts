/** What the sweep has to do about the ends of deployments, in the table: partition ENDS, one entry a deployment, the earliest first. */
import type { Deployment } from '#shared/deployment.ts';
import * as z from 'zod';
import { endDueAt } from '../deployment-end.ts';
import type { UnsettledDeployment } from '../ports.ts';
import type { Key, Table, Write } from './dynamodb-table.ts';

const PARTITION = 'ENDS';

const keyOf = (dueAt: string, { deploymentId }: Deployment): Key => ({ pk: PARTITION, sk: `${dueAt}#${deploymentId}` });

const endItem = z.object({ deploymentId: z.string(), siteId: z.string(), dueAt: z.string() });

/** For the transaction that changes the deployment, or makes it. */
export function endWrites(table: Table, before: Deployment | undefined, after: Deployment): Write[] {
  const [was, dueAt] = [before && endDueAt(before), endDueAt(after)];
  if (was === dueAt) return [];
  const { deploymentId, siteId } = after;
  return [
    ...(was === undefined ? [] : [table.remove(keyOf(was, after))]),
    ...(dueAt === undefined ? [] : [table.put({ ...keyOf(dueAt, after), deploymentId, siteId, dueAt })]),
  ];
}

export async function listEndsDue(table: Table, now: string, limit: number): Promise<readonly UnsettledDeployment[]> {
  const entries = (await table.queryAfter(PARTITION, undefined, limit)).map((item) => endItem.parse(item));
  return entries.filter(({ dueAt }) => dueAt <= now).map(({ deploymentId, siteId }) => ({ deploymentId, siteId }));
}
