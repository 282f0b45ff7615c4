/** When deployments end by themselves, in the table: partition ENDS, the earliest first; an entry while the cluster is wished for. */
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import * as z from 'zod';
import type { UnsettledDeployment } from '../ports.ts';
import type { Key, Table, Write } from './dynamodb-table.ts';

const PARTITION = 'ENDS';

const keyOf = (endsAt: string, { deploymentId }: Deployment): Key => ({
  pk: PARTITION,
  sk: `${endsAt}#${deploymentId}`,
});

const endItem = z.object({ deploymentId: z.string(), siteId: z.string(), endsAt: z.string() });

/** For the transaction that makes the deployment. */
export function endWrites(table: Table, deployment: Deployment): Write[] {
  const { endsAt, deploymentId, siteId } = deployment;
  return endsAt === undefined ? [] : [table.put({ ...keyOf(endsAt, deployment), deploymentId, siteId, endsAt })];
}

/** For the transaction that changes it: once it is not wished for any more, its end is nothing to wait for. */
export function forgetEndWrites(table: Table, before: Deployment, after: Deployment): Write[] {
  const { endsAt } = before;
  return endsAt !== undefined && isWished(before) && !isWished(after) ? [table.remove(keyOf(endsAt, before))] : [];
}

export async function listEnded(table: Table, now: string, limit: number): Promise<readonly UnsettledDeployment[]> {
  const entries = (await table.queryAfter(PARTITION, '0', limit)).map((item) => endItem.parse(item));
  return entries.filter(({ endsAt }) => endsAt <= now).map(({ deploymentId, siteId }) => ({ deploymentId, siteId }));
}

const isWished = ({ desired, phase }: Deployment): boolean => desired.power === 'on' && !isTerminal(phase);
