/**
 * What each member has at each site, in the table: a counter, changed in the very transactions that begin and end deployments
 * (docs/decisions/0034).
 */
import type { Deployment } from '#shared/deployment.ts';
import type { Quota } from '#shared/site-access.ts';
import * as z from 'zod';
import type { Usage } from '../ports.ts';
import { NOTHING } from '../site-quota.ts';
import type { Key, Table, Write } from './dynamodb-table.ts';

type Holder = Pick<Deployment, 'memberId' | 'siteId'>;

const usageKey = ({ memberId, siteId }: Holder): Key => ({ pk: `SITE#${siteId}`, sk: `USAGE#${memberId}` });

const usageItem = z.object({ cpus: z.int(), clusters: z.int() });

export async function readUsage(table: Table, holder: Holder): Promise<Usage> {
  const item = await table.get(usageKey(holder));
  return item ? usageItem.parse(item) : NOTHING;
}

/**
 * The write by which a deployment takes more, or gives back; none where it does neither. Refused where the quota has no room for what is
 * added beside what is taken.
 */
export function countUsage(table: Table, holder: Holder, added: Usage, { maxCpus, maxClusters }: Quota): Write[] {
  const { cpus, clusters } = added;
  if (cpus === 0 && clusters === 0) return [];
  const limits = [
    { name: 'cpus', more: cpus, limit: maxCpus },
    { name: 'clusters', more: clusters, limit: maxClusters },
  ].flatMap(({ name, more, limit }) => (limit === undefined || more <= 0 ? [] : [{ name, most: limit - more }]));
  return [changeUsage(table, holder, added, limits)];
}

/** @param limits what may be taken already, at most; where nothing has ever been taken, a limit is not asked: see `requireRoom` */
function changeUsage(
  table: Table,
  holder: Holder,
  { cpus, clusters }: Usage,
  limits: readonly { readonly name: string; readonly most: number }[],
): Write {
  return {
    Update: {
      TableName: table.name,
      Key: usageKey(holder),
      UpdateExpression: 'ADD #cpus :cpus, #clusters :clusters',
      ...(limits.length > 0 && {
        ConditionExpression: limits
          .map(({ name }) => `(attribute_not_exists(#${name}) OR #${name} <= :most_${name})`)
          .join(' AND '),
      }),
      ExpressionAttributeNames: { '#cpus': 'cpus', '#clusters': 'clusters' },
      ExpressionAttributeValues: {
        ':cpus': cpus,
        ':clusters': clusters,
        ...Object.fromEntries(limits.map(({ name, most }) => [`:most_${name}`, most])),
      },
    },
  };
}
