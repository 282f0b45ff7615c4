/** The emulated content-delivery network: distance, bandwidth, DNS, faults and lifecycle, over real sockets. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { hasCode } from '#shared/errors.ts';
import { startDistribution } from '../../local/distribution/distribution.ts';
import { HOST, KEY_GROUP, LOCATIONS, startOrigin, startViewer } from '../helpers/loopback-distribution.ts';

const IMAGE = 'IMAGE-A';
const KEY = `images/${IMAGE}/parts/one`;
const CONTENT = randomBytes(100_000);

test('fault 10: expiry is checked when a request begins: a body under way ends well, the next range is refused', async (t) => {
  const origin = await startOrigin(t);
  let nowMs = Date.now();
  const { ask, sign } = await startViewer(t, origin.baseUrl, {
    clock: () => nowMs,
    locations: [{ code: 'NRT', address: '127.81.1.1', bytesPerSecond: 1_000_000 }],
    intercept: (_request, answer) => {
      nowMs += 61_000;
      return answer;
    },
  });
  origin.objects.set(KEY, { content: CONTENT });
  const target = `/${KEY}${sign(IMAGE, 60, nowMs)}`;
  assert.deepEqual((await ask('NRT', target)).body, CONTENT);
  const next = await ask('NRT', target, { range: 'bytes=0-9' });
  assert.equal(next.status, 403);
  assert.match(next.body.toString(), /<Code>AccessDenied<\/Code>/);
  assert.ok(Date.parse(next.headers['date'] ?? '') > nowMs - 62_000, "the refusal's Date is the edge's clock");
});

test('a fault can be put in the place of an answer, at one location', async (t) => {
  const origin = await startOrigin(t);
  const { ask, sign } = await startViewer(t, origin.baseUrl, {
    intercept: (request, answer) => {
      if (request.location !== 'NRT' || answer.status !== 200) return answer;
      if (request.range === undefined && request.result === 'Hit')
        return { status: 503, headers: {}, body: Buffer.alloc(0) };
      const body = Buffer.from(answer.body);
      body.writeUInt8(body.readUInt8(500) ^ 1, 500);
      return { ...answer, body };
    },
  });
  origin.objects.set(KEY, { content: CONTENT });
  const target = `/${KEY}${sign(IMAGE)}`;
  const corrupt = (await ask('NRT', target)).body;
  assert.deepEqual(corrupt.subarray(0, 500), CONTENT.subarray(0, 500));
  assert.equal(corrupt.readUInt8(500) ^ CONTENT.readUInt8(500), 1);
  assert.deepEqual((await ask('NRT', target, { range: 'bytes=500-500' })).body, CONTENT.subarray(500, 501));
  const busy = await ask('NRT', target);
  assert.deepEqual([busy.status, busy.headers['x-cache']], [503, 'Error from cloudfront']);
  assert.deepEqual((await ask('SIN', target)).body, CONTENT);
});

test('a round trip is what an unsigned HEAD measures: the nearest location answers first', async (t) => {
  const { distribution, ask } = await startViewer(t, 'http://127.0.0.1:1/bucket', {
    locations: LOCATIONS.map((location, i) => ({ ...location, latencyMs: [60, 20, 100][i] ?? 0 })),
  });
  const fastestMs: Record<string, number> = {};
  for (const { code } of LOCATIONS) {
    await ask(code, '/', {}, { method: 'HEAD' });
    for (let i = 0; i < 3; i += 1) {
      const start = performance.now();
      assert.equal((await ask(code, '/', {}, { method: 'HEAD' })).status, 403);
      fastestMs[code] = Math.min(fastestMs[code] ?? Infinity, performance.now() - start);
    }
  }
  const { NRT = 0, SIN = 0, SFO = 0 } = fastestMs;
  assert.ok(SIN >= 19 && NRT >= 59 && SFO >= 99, JSON.stringify(fastestMs));
  assert.ok(SIN < NRT && NRT < SFO, JSON.stringify(fastestMs));
  assert.equal(distribution.locations.length, 3);
});

test('the bandwidth of a location is shared by its viewers and not by those of another', async (t) => {
  const origin = await startOrigin(t);
  const { ask, sign } = await startViewer(t, origin.baseUrl, {
    locations: [
      { code: 'NRT', address: '127.81.1.1', bytesPerSecond: 400_000 },
      { code: 'SIN', address: '127.81.2.1' },
    ],
  });
  origin.objects.set(KEY, { content: CONTENT });
  const target = `/${KEY}${sign(IMAGE)}`;
  const secondsOf = async (work: Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work;
    return (performance.now() - start) / 1000;
  };
  const one = await secondsOf(ask('NRT', target));
  const two = await secondsOf(Promise.all([ask('NRT', target), ask('NRT', target)]));
  const unbounded = await secondsOf(ask('SIN', target));
  assert.ok(one >= 0.23, `100 kB at 400 kB/s took ${one} s`);
  assert.ok(two >= 0.47, `twice as much took ${two} s`);
  assert.ok(unbounded < two, `${unbounded} s`);
});

test('a viewer that goes away, and an edge that stops, in the middle of a body', async (t) => {
  const origin = await startOrigin(t);
  const leaving = new AbortController();
  let requests = 0;
  const { promise: secondAnswered, resolve: answered } = Promise.withResolvers<undefined>();
  const { distribution, ask, sign } = await startViewer(t, origin.baseUrl, {
    locations: [{ code: 'NRT', address: '127.81.1.1', bytesPerSecond: 1000 }],
    onRequest: () => {
      requests += 1;
      if (requests === 1) leaving.abort();
      else answered(undefined);
    },
  });
  origin.objects.set(KEY, { content: CONTENT });
  const target = `/${KEY}${sign(IMAGE)}`;
  await assert.rejects(ask('NRT', target, {}, { signal: leaving.signal }), { name: 'AbortError' });
  const cutOff = assert.rejects(ask('NRT', target));
  await secondAnswered;
  await distribution.close();
  await cutOff;
});

test('DNS answers by where the resolver is', async (t) => {
  const { distribution } = await startViewer(t, 'http://127.0.0.1:1/bucket');
  assert.equal(new Set(distribution.resolvers.map(({ server }) => server)).size, LOCATIONS.length);
  for (const { near, server } of distribution.resolvers) {
    const resolver = new Resolver();
    t.after(() => resolver.cancel());
    resolver.setServers([server]);
    const { address } = LOCATIONS.find(({ code }) => code === near) ?? {};
    assert.match(server, /^127\.81\.\d\.53:\d+$/);
    assert.deepEqual(await resolver.resolve4(HOST, { ttl: true }), [{ address, ttl: 60 }]);
    assert.deepEqual(await resolver.resolve4(HOST.toUpperCase()), [address]);
    await assert.rejects(resolver.resolve6(HOST), { code: 'ENODATA' });
    await assert.rejects(resolver.resolveTxt(HOST), { code: 'ENODATA' });
    await assert.rejects(resolver.resolve4(`other.${HOST}`), { code: 'ENOTFOUND' });
  }
});

test('a name or address that cannot be is refused; a port that is taken leaves nothing behind', async (t) => {
  const { distribution } = await startViewer(t, 'http://127.0.0.1:1/bucket');
  const options = { host: HOST, originBaseUrl: 'http://127.0.0.1:1/bucket', keyGroup: () => KEY_GROUP };
  for (const locations of [
    [],
    [{ code: 'NRT', address: '0.0.0.0' }],
    [{ code: 'nrt', address: '127.81.1.1' }],
    [LOCATIONS[0], { ...LOCATIONS[1], code: 'NRT' }],
    [LOCATIONS[0], { ...LOCATIONS[1], address: LOCATIONS[0].address }],
  ]) {
    await assert.rejects(startDistribution({ ...options, locations }), (error) => hasCode(error, 'INVALID_CONFIG'));
  }
  const { port } = distribution;
  const free = { code: 'LHR', address: '127.81.9.1' };
  await assert.rejects(startDistribution({ ...options, port, locations: [free, LOCATIONS[0]] }), {
    code: 'EADDRINUSE',
  });
  const second = await startDistribution({ ...options, port, locations: [free] });
  await second.close();
});
