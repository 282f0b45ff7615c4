/** What an idempotency key makes happen once: a transaction, and the record of the row that it made. */
import { EdgebootError } from '#shared/errors.ts';
import type { IdempotencyKey } from '../ports.ts';
import { ConditionRefused, secondsOf, type Key, type Table, type Write } from './dynamodb-table.ts';

/** An idempotency key is remembered for a day. */
const IDEMPOTENCY_SECONDS = 24 * 3600;

const recordKeyOf = (key: IdempotencyKey): Key => ({
  pk: `IDEMPOTENCY#${key.memberId}#${key.key}`,
  sk: 'IDEMPOTENCY',
});

/**
 * Commits, unless the key has made something before. Throws IDEMPOTENCY_MISMATCH; ConditionRefused where one of `writes` was.
 * @returns the id of what the key has made: `madeId`, or an earlier one.
 */
export async function commitOnce(
  table: Table,
  writes: readonly Write[],
  madeId: string,
  createdAt: string,
  key: IdempotencyKey | undefined,
): Promise<string> {
  if (key === undefined) {
    await table.transact([...writes]);
    return madeId;
  }
  const { requestSha256 } = key;
  const now = secondsOf(createdAt);
  const record = { ...recordKeyOf(key), requestSha256, madeId, expiresAt: now + IDEMPOTENCY_SECONDS };
  // A row that TTL has not removed yet counts as expired.
  const unlessUsed = table.put(record, 'attribute_not_exists(pk) OR expiresAt < :now', { ':now': now });
  try {
    await table.transact([...writes, unlessUsed]);
    return madeId;
  } catch (error) {
    const isUsed = error instanceof ConditionRefused && error.positions.includes(writes.length);
    const madeBefore = isUsed ? await findMadeId(table, key, createdAt) : undefined;
    if (madeBefore === undefined) throw error;
    return madeBefore;
  }
}

/** The id of what the key has made before `now` (ISO 8601). Throws IDEMPOTENCY_MISMATCH. */
export async function findMadeId(table: Table, key: IdempotencyKey, now: string): Promise<string | undefined> {
  const record = await table.get(recordKeyOf(key));
  if (record === undefined || Number(record['expiresAt']) < secondsOf(now)) return undefined;
  if (record['requestSha256'] === key.requestSha256) return String(record['madeId']);
  throw new EdgebootError('IDEMPOTENCY_MISMATCH', 'this Idempotency-Key was used for a different request');
}

/** The row that the key has made before `now` (ISO 8601). Throws IDEMPOTENCY_MISMATCH. */
export async function findMade<Row>(
  table: Table,
  key: IdempotencyKey,
  now: string,
  find: (id: string) => Promise<Row | undefined>,
): Promise<Row | undefined> {
  const madeId = await findMadeId(table, key, now);
  return madeId === undefined ? undefined : madeRow(madeId, find);
}

/** The row that a key has made is there: both were written in one transaction. */
export async function madeRow<Row>(madeId: string, find: (id: string) => Promise<Row | undefined>): Promise<Row> {
  const row = await find(madeId);
  if (row === undefined) throw new Error('an idempotency record points at no row');
  return row;
}
