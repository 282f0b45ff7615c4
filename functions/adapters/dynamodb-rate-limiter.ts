/** Token buckets in the table: a read and one conditional update a request; what is refused writes nothing. */
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';
import { RATE_LIMITS, type RateClass, type RateLimit, takeToken } from '../http/rate-limit.ts';
import type { RateLimiter } from '../ports.ts';
import type { Key, Table } from './dynamodb-table.ts';

/** A second try means that other requests of the caller came in between: when a full bucket was begun, or the last token went. */
const MAX_ATTEMPTS = 4;
/** A bucket that is full is as good as none. */
const KEPT_SECONDS = 3600;

const bucketSchema = z.object({ fullAtMs: z.number() });

export class DynamoDbRateLimiter implements RateLimiter {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async take(caller: string, rateClass: RateClass, now: Date): Promise<number> {
    const key = { pk: `RATE#${caller}`, sk: rateClass };
    const limit = RATE_LIMITS[rateClass];
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      // A bucket never empties by itself: one of a moment ago refuses nobody wrongly, and what it lets pass has a condition.
      const item = await (attempt === 1 ? this.#table.glance(key) : this.#table.get(key));
      const fullAtMs = item && bucketSchema.parse(item).fullAtMs;
      const taken = takeToken(fullAtMs, limit, now.getTime());
      if ('waitSeconds' in taken) return taken.waitSeconds;
      const expiresAt = Math.ceil(taken.fullAtMs / 1000) + KEPT_SECONDS;
      const isFull = fullAtMs === undefined || fullAtMs <= now.getTime();
      const update = isFull ? beginBucket(taken.fullAtMs, now) : drainBucket(limit, now);
      if (await this.#table.update(withExpiry(key, update, expiresAt))) return 0;
    }
    throw new EdgebootError('CONFLICT', 'other requests of the caller were in the way each time');
  }
}

interface Update {
  readonly fullAtMs: string;
  readonly condition: string;
  readonly values: Readonly<Record<string, number>>;
}

const beginBucket = (fullAtMs: number, now: Date): Update => ({
  fullAtMs: ':next',
  condition: 'attribute_not_exists(fullAtMs) OR fullAtMs <= :now',
  values: { ':next': fullAtMs, ':now': now.getTime() },
});

/** Adds to what is there, as long as there is a token: requests that come together do not get into each other's way. */
const drainBucket = ({ capacity, refillMs }: RateLimit, now: Date): Update => ({
  fullAtMs: 'fullAtMs + :refill',
  condition: 'fullAtMs > :now AND fullAtMs <= :latest',
  values: { ':refill': refillMs, ':now': now.getTime(), ':latest': now.getTime() + (capacity - 1) * refillMs },
});

const withExpiry = (key: Key, { fullAtMs, condition, values }: Update, expiresAt: number) => ({
  Key: key,
  UpdateExpression: `SET fullAtMs = ${fullAtMs}, expiresAt = :expiresAt`,
  ConditionExpression: condition,
  ExpressionAttributeValues: { ...values, ':expiresAt': expiresAt },
});
