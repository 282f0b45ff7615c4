import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';
import { apiHandler } from '../../functions/http/api-handler.ts';
import { takeToken } from '../../functions/http/rate-limit.ts';
import type { RateLimiter } from '../../functions/ports.ts';
import { SILENT } from '../helpers/control-plane.ts';
import { MemoryRateLimiter } from '../helpers/memory-stores/rate-limiter.ts';

const functionsSchema = z.object({
  functions: z.record(
    z.string(),
    z.object({ role: z.string(), events: z.array(z.object({ httpApi: z.unknown().optional() })).default([]) }),
  ),
});
const rolesSchema = z.object({ Resources: z.record(z.string(), z.unknown()) });

const LIMIT = { capacity: 3, refillMs: 1000 };
const NOW = new Date('2026-11-23T09:00:00.000Z');

describe('a token bucket', () => {
  it('gives as many as it holds, then says how long to wait', () => {
    let fullAtMs: number | undefined;
    for (const expected of [101_000, 102_000, 103_000]) {
      const taken = takeToken(fullAtMs, LIMIT, 100_000);
      assert.deepEqual(taken, { fullAtMs: expected });
      fullAtMs = expected;
    }
    assert.deepEqual(takeToken(fullAtMs, LIMIT, 100_000), { waitSeconds: 1 });
    assert.deepEqual(takeToken(fullAtMs, LIMIT, 100_999), { waitSeconds: 1 });
    assert.deepEqual(takeToken(fullAtMs, LIMIT, 101_000), { fullAtMs: 104_000 });
  });

  it('never holds more than its capacity, however long nobody asks', () => {
    assert.deepEqual(takeToken(100_000, LIMIT, 900_000_000), { fullAtMs: 900_001_000 });
  });
});

describe('an operation with a known caller', () => {
  const MEMBER = { kind: 'member', memberId: 'alice', groups: '' };
  const AGENT = {
    kind: 'agent',
    siteId: 'alice',
    bodySha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  };

  function operation(rateLimiter: RateLimiter) {
    const handler = apiHandler({ log: SILENT, now: () => NOW, rateLimiter }, () =>
      Promise.resolve({ status: 200, body: {} }),
    );
    return async (method: string, lambda: object) => {
      const requestContext = { requestId: 'r', http: { method, sourceIp: '127.0.0.1' }, authorizer: { lambda } };
      const event = { routeKey: `${method} /v1/x`, headers: {}, isBase64Encoded: false, requestContext };
      return (
        handler as (
          event: unknown,
          context: unknown,
        ) => Promise<{
          statusCode: number;
          headers: Record<string, string>;
          body: string;
        }>
      )(event, {});
    };
  }

  it('fault 55: refuses with 429, Retry-After and THROTTLED, that caller and that class alone', async () => {
    const rateLimiter = new MemoryRateLimiter();
    const ask = operation(rateLimiter);
    assert.equal((await ask('POST', MEMBER)).statusCode, 200);
    await rateLimiter.take('member:alice', 'writes', new Date(NOW.getTime() + 60_000));
    const refused = await ask('POST', MEMBER);
    assert.equal(refused.statusCode, 429);
    assert.match(refused.headers['retry-after'] ?? '', /^5\d$/);
    assert.equal(refused.headers['content-type'], 'application/problem+json');
    assert.equal((JSON.parse(refused.body) as { code: string }).code, 'THROTTLED');
    assert.equal((await ask('DELETE', MEMBER)).statusCode, 429);
    assert.equal((await ask('GET', MEMBER)).statusCode, 200);
    assert.equal((await ask('POST', { ...MEMBER, memberId: 'bob' })).statusCode, 200);
    assert.equal((await ask('POST', AGENT)).statusCode, 200);
  });

  it('is carried out when the limit cannot be asked', async () => {
    const ask = operation({ take: () => Promise.reject(new Error('the store is down')) });
    assert.equal((await ask('POST', MEMBER)).statusCode, 200);
  });
});

it('each function with a known caller may touch the buckets, and no other function may', async () => {
  const read = async (file: string): Promise<unknown> => parse(await readFile(file, 'utf8'), { logLevel: 'error' });
  const { functions } = functionsSchema.parse(await read('serverless.yml'));
  const roles = rolesSchema.parse(await read('stack/roles.yml')).Resources;
  for (const [name, { role, events }] of Object.entries(functions)) {
    const mayTouch = JSON.stringify(roles[role]).includes('"dynamodb:LeadingKeys":["RATE#*"]');
    assert.equal(mayTouch, JSON.stringify(events).includes('"authorizer"'), name);
  }
});
