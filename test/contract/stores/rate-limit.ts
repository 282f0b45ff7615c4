/** What every rate limiter does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { RATE_LIMITS } from '../../../functions/http/rate-limit.ts';
import { type Stores, NOW } from './stores.ts';

export function rateLimitContract(name: string, open: () => Stores): void {
  describe(`${name}: rate limit`, () => {
    const { capacity, refillMs } = RATE_LIMITS.writes;
    const after = (milliseconds: number) => new Date(Date.parse(NOW) + milliseconds);

    it('fault 55: hands out as many tokens as the bucket holds, also to requests that come together, and then one a refill', async () => {
      const { rateLimiter } = open();
      const caller = `member:${ulid()}`;
      const take = (milliseconds: number) => rateLimiter.take(caller, 'writes', after(milliseconds));
      assert.equal(await take(0), 0);
      assert.deepEqual(new Set(await Promise.all(Array.from({ length: capacity - 1 }, () => take(0)))), new Set([0]));
      assert.equal(await take(0), 1);
      assert.equal(await take(refillMs), 0);
      assert.equal(await take(refillMs), 1);
      const quietMs = 2 * capacity * refillMs;
      for (let i = 0; i < capacity; i++) assert.equal(await take(quietMs), 0);
      assert.equal(await take(quietMs), 1);
    });

    it('fault 55: keeps callers apart, and reads from writes', async () => {
      const { rateLimiter } = open();
      const [caller, neighbor] = [`member:${ulid()}`, `agent:${ulid()}`];
      await rateLimiter.take(caller, 'writes', after(3_600_000));
      const wait = await rateLimiter.take(caller, 'writes', after(0));
      assert.ok(wait > 3_500 && wait <= 3_600, String(wait));
      assert.equal(await rateLimiter.take(caller, 'reads', after(0)), 0);
      assert.equal(await rateLimiter.take(neighbor, 'writes', after(0)), 0);
    });
  });
}
