/** Warmings in the table: the row alone, and one record per idempotency key. */
import { EdgebootError } from '#shared/errors.ts';
import { isWarmingOver, type Warming, warmingSchema } from '#shared/warming.ts';
import * as z from 'zod';
import { consumedByWarming } from '../consumption.ts';
import type { Member } from '../http/identity.ts';
import type { IdempotencyKey, OutboxEntry, UnsettledWarming, WarmingStore } from '../ports.ts';
import { beginOn } from './dynamodb-begun.ts';
import { askerWrites, findAsker } from './dynamodb-askers.ts';
import { countConsumption } from './dynamodb-consumption.ts';
import { commitOnce, findMade, madeRow } from './dynamodb-idempotency.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Key, secondsOf, type Table } from './dynamodb-table.ts';
import { unsettledAttributes } from './dynamodb-unsettled.ts';
import { checkOpen, closedError } from './dynamodb-version-uses.ts';

/** Longer than a message stays in a site's queue, and then in the dead-letter queue. */
const KEPT_SECONDS = 30 * 24 * 3600;

const PREFIX = 'WARMING#';
const rowKey = (warmingId: string): Key => ({ pk: `${PREFIX}${warmingId}`, sk: 'WARMING' });

/** What the index has of a row. */
const unsettledSchema = warmingSchema
  .pick({ siteId: true, announcedAt: true })
  .extend({ pk: z.string().startsWith(PREFIX) });

export class DynamoDbWarmingStore implements WarmingStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async create(
    warming: Warming,
    outbox: readonly OutboxEntry[],
    idempotencyKey: IdempotencyKey | undefined,
    asker?: Member,
  ): Promise<Warming> {
    const { warmingId, createdAt } = warming;
    const row = this.#table.put(rowOf(warming), 'attribute_not_exists(pk)');
    const writes = [
      checkOpen(this.#table, warming, warmingId),
      row,
      beginOn(this.#table, { subject: 'warming', id: warmingId }, createdAt),
      ...askerWrites(this.#table, rowKey(warmingId).pk, asker, { expiresAt: expiryOf(warming) }),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ];
    const committed = commitOnce(this.#table, writes, warmingId, createdAt, idempotencyKey);
    const madeId = await committed.catch(async (error: unknown) => {
      if (!(error instanceof ConditionRefused && error.positions.includes(0))) throw error;
      throw await closedError(this.#table, warming, warmingId);
    });
    return madeId === warmingId ? warming : madeRow(madeId, (id) => this.find(id));
  }

  async findMade(key: IdempotencyKey, now: string): Promise<Warming | undefined> {
    return findMade(this.#table, key, now, (id) => this.find(id));
  }

  async find(warmingId: string): Promise<Warming | undefined> {
    const item = await this.#table.get(rowKey(warmingId));
    return item && warmingSchema.parse(item);
  }

  async findAsker(warmingId: string): Promise<Member | undefined> {
    return findAsker(this.#table, rowKey(warmingId).pk);
  }

  async replace(before: Warming, after: Warming, outbox: readonly OutboxEntry[]): Promise<void> {
    const row = this.#table.putOver(rowOf(after), before.version);
    try {
      await this.#table.transact([
        row,
        ...countConsumption(this.#table, after, consumedByWarming(before, after)),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('CONFLICT', 'the warming was changed at the same time', { cause: error });
    }
  }

  async listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledWarming[]> {
    const items = await this.#table.listUnsettled('warming', stoodSince, limit);
    return items.map((item) => {
      const { pk, ...rest } = unsettledSchema.parse(item);
      return { warmingId: pk.slice(PREFIX.length), ...rest };
    });
  }
}

const expiryOf = ({ createdAt }: Warming): number => secondsOf(createdAt) + KEPT_SECONDS;

function rowOf(warming: Warming): Item & Key {
  // Sparse: only rows with this attribute are in the index.
  const unsettled = !isWarmingOver(warming) && unsettledAttributes('warming', warming);
  return { ...rowKey(warming.warmingId), ...unsettled, ...warming, expiresAt: expiryOf(warming) };
}
