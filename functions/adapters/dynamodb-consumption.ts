/** Consumption in the table: for each month a row of counters for whoever used an image at a site. */
import { type Consumption, type ConsumptionRow, consumptionRowSchema } from '#shared/api/usage.ts';
import { consumptionKey, memberKeyPrefix } from '../consumption.ts';
import type { ConsumptionStore } from '../ports.ts';
import type { Table, Write } from './dynamodb-table.ts';

/** Whose it is: a deployment or a warming. */
interface Consumer {
  readonly memberId: string;
  readonly siteId: string;
  readonly imageId: string;
  readonly imageName: string;
  /** Its month is the one that counts. */
  readonly updatedAt: string;
}

const COUNTERS = ['clusters', 'warmings', 'bytesFetched', 'clusterSeconds', 'nodeSeconds'] as const;
const partition = (month: string): string => `CONSUMPTION#${month}`;
/** Before every key. */
const FIRST = ' ';

/** One more write of the transaction that changes the consumer's row; none where nothing was consumed. */
export function countConsumption(table: Table, consumer: Consumer, consumption: Consumption | undefined): Write[] {
  if (consumption === undefined) return [];
  const { memberId, siteId, imageId, imageName, updatedAt } = consumer;
  const labels = { memberId, siteId, imageId, imageName };
  const set = Object.keys(labels).map((name) => `#${name} = :${name}`);
  const add = COUNTERS.map((name) => `#${name} :${name}`);
  const all = Object.entries({ ...labels, ...consumption });
  return [
    {
      Update: {
        TableName: table.name,
        Key: { pk: partition(updatedAt.slice(0, 7)), sk: consumptionKey(labels) },
        UpdateExpression: `SET ${set.join(', ')} ADD ${add.join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(all.map(([name]) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(all.map(([name, value]) => [`:${name}`, value])),
      },
    },
  ];
}

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
    const items = await this.#table.queryAfter(partition(month), behind ?? FIRST, limit);
    return items.map((item) => consumptionRowSchema.parse(item));
  }
}
