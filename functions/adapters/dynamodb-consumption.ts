/**
 * Consumption in the table: for each month a row of counters for whoever used an image at a site; and a row for each cluster that runs,
 * whose time is counted when it runs no more.
 */
import { isDeepStrictEqual } from 'node:util';
import { type ConsumptionRow, consumptionRowSchema } from '#shared/api/usage.ts';
import { type Deployment, deploymentSchema } from '#shared/deployment.ts';
import * as z from 'zod';
import {
  consumptionKey,
  memberKeyPrefix,
  type MonthlyConsumption,
  type RunningCluster,
  runningKey,
  runningOf,
} from '../consumption.ts';
import type { ConsumptionStore } from '../ports.ts';
import type { Key, Table, Write } from './dynamodb-table.ts';

/** Whose it is: a deployment or a warming. */
interface Consumer {
  readonly memberId: string;
  readonly siteId: string;
  readonly imageId: string;
  readonly imageName: string;
}

const COUNTERS = ['clusters', 'warmings', 'bytesFetched', 'clusterSeconds', 'nodeSeconds'] as const;
const partition = (month: string): string => `CONSUMPTION#${month}`;
const RUNNING = 'RUNNING';

const runningSchema: z.ZodType<RunningCluster> = deploymentSchema
  .pick({ deploymentId: true, memberId: true, siteId: true, imageId: true, imageName: true })
  .extend({ nodes: z.int(), runningSince: z.string() });

/** For the transaction that changes the consumer's row. @param consumption each month once */
export function countConsumption(
  table: Table,
  consumer: Consumer,
  consumption: readonly MonthlyConsumption[],
): readonly Write[] {
  const { memberId, siteId, imageId, imageName } = consumer;
  const labels = { memberId, siteId, imageId, imageName };
  const set = Object.keys(labels).map((name) => `#${name} = :${name}`);
  const add = COUNTERS.map((name) => `#${name} :${name}`);
  return consumption.map((counted) => {
    const all = Object.entries({ ...labels, ...counted.consumption });
    return {
      Update: {
        TableName: table.name,
        Key: { pk: partition(counted.month), sk: consumptionKey(labels) },
        UpdateExpression: `SET ${set.join(', ')} ADD ${add.join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(all.map(([name]) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(all.map(([name, value]) => [`:${name}`, value])),
      },
    };
  });
}

/** For the transaction that changes the deployment: that it runs, with other nodes, or no more. */
export function runningWrites(table: Table, before: Deployment, after: Deployment): readonly Write[] {
  const [ran, runs] = [runningOf(before), runningOf(after)];
  if (isDeepStrictEqual(ran, runs)) return [];
  if (runs !== undefined) return [table.put({ ...runningItemKey(runs), ...runs })];
  return ran === undefined ? [] : [table.remove(runningItemKey(ran))];
}

const runningItemKey = (cluster: RunningCluster): Key => ({ pk: RUNNING, sk: runningKey(cluster) });

export class DynamoDbConsumptionStore implements ConsumptionStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async listOf(memberId: string, month: string): Promise<readonly ConsumptionRow[]> {
    const items = await this.#table.queryPrefix(partition(month), memberKeyPrefix(memberId));
    return items.map((item) => consumptionRowSchema.parse(item));
  }

  async list(month: string, behind: string | undefined, limit: number): Promise<readonly ConsumptionRow[]> {
    const items = await this.#table.queryAfter(partition(month), behind, limit);
    return items.map((item) => consumptionRowSchema.parse(item));
  }

  async listRunningOf(memberId: string): Promise<readonly RunningCluster[]> {
    const items = await this.#table.queryPrefix(RUNNING, memberKeyPrefix(memberId));
    return items.map((item) => runningSchema.parse(item));
  }

  async listRunning(behind: string | undefined, limit: number): Promise<readonly RunningCluster[]> {
    const items = await this.#table.queryAfter(RUNNING, behind, limit);
    return items.map((item) => runningSchema.parse(item));
  }
}
