/** The emulated content-delivery network as an HTTP cache, over real sockets. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestRecord } from '../../local/distribution/edge-location.ts';
import { HOST, KEY_GROUP, startOrigin, startViewer } from '../helpers/loopback-distribution.ts';

const IMAGE = 'IMAGE-A';
const KEY = `images/${IMAGE}/parts/one`;
const CONTENT = randomBytes(100_000);

test('the first request is a miss, the next a hit, at each location for itself', async (t) => {
  const origin = await startOrigin(t);
  const records: RequestRecord[] = [];
  const { distribution, ask, sign } = await startViewer(t, origin.baseUrl, {
    onRequest: (record) => records.push(record),
  });
  origin.objects.set(KEY, { content: CONTENT, cacheControl: 'public, max-age=31536000, immutable' });
  const target = `/${KEY}${sign(IMAGE)}`;

  const first = await ask('NRT', target);
  assert.equal(first.status, 200);
  assert.deepEqual(first.body, CONTENT);
  assert.equal(first.headers['x-cache'], 'Miss from cloudfront');
  assert.equal(first.headers['x-amz-cf-pop'], 'NRT57-C1');
  assert.equal(first.headers['content-length'], String(CONTENT.length));
  assert.equal(first.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(first.headers['server'], 'AmazonS3');
  assert.match(first.headers['via'] ?? '', /^1\.1 [0-9a-f]{32}\.cloudfront\.net \(CloudFront\)$/);
  assert.match(first.headers['x-amz-cf-id'] ?? '', /^[\w-]{54}==$/);
  assert.equal(first.headers['age'], undefined);

  const second = await ask('NRT', target);
  assert.equal(second.headers['x-cache'], 'Hit from cloudfront');
  assert.match(second.headers['age'] ?? '', /^\d+$/);
  assert.equal(second.headers['date'], first.headers['date']);
  assert.deepEqual(second.body, CONTENT);
  const head = await ask('NRT', target, {}, { method: 'HEAD' });
  assert.equal(head.headers['content-length'], String(CONTENT.length));
  assert.equal(head.headers['x-cache'], 'Hit from cloudfront');
  assert.equal(head.body.length, 0);
  assert.equal((await ask('SFO', target)).headers['x-cache'], 'Miss from cloudfront');

  assert.deepEqual(
    origin.requests.map(({ path }) => path),
    [`/bucket/${KEY}`, `/bucket/${KEY}`],
    "the viewer's query stays at the edge",
  );
  assert.deepEqual(distribution.stats(), {
    NRT: { hits: 2, misses: 1, errors: 0, bytes: 2 * CONTENT.length },
    SIN: { hits: 0, misses: 0, errors: 0, bytes: 0 },
    SFO: { hits: 0, misses: 1, errors: 0, bytes: CONTENT.length },
  });
  assert.deepEqual(records[0], {
    location: 'NRT',
    viewerAddress: '127.0.0.1',
    method: 'GET',
    path: `/${KEY}`,
    range: undefined,
    result: 'Miss',
    status: 200,
    refusal: undefined,
    bytes: CONTENT.length,
  });
  distribution.purge();
  assert.equal((await ask('NRT', target)).headers['x-cache'], 'Miss from cloudfront');
});

test('ranges and conditions', async (t) => {
  const origin = await startOrigin(t);
  const { ask, sign } = await startViewer(t, origin.baseUrl);
  origin.objects.set(KEY, { content: CONTENT });
  const target = `/${KEY}${sign(IMAGE)}`;
  const size = CONTENT.length;
  const etag = (await ask('SIN', target)).headers['etag'] ?? '';
  assert.match(etag, /^"[0-9a-f]{32}"$/);

  const ranges: [string, number, number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=1000-1999', 1000, 1999],
    [`bytes=${size - 5}-`, size - 5, size - 1],
    ['bytes=-7', size - 7, size - 1],
    [`bytes=99999-${size * 2}`, 99_999, size - 1],
  ];
  for (const [range, first, last] of ranges) {
    const answer = await ask('SIN', target, { range, 'if-match': etag, 'if-range': etag });
    assert.equal(answer.status, 206, range);
    assert.equal(answer.headers['content-range'], `bytes ${first}-${last}/${size}`);
    assert.deepEqual(answer.body, CONTENT.subarray(first, last + 1));
    assert.equal(answer.headers['x-cache'], 'Hit from cloudfront');
  }
  const beyond = await ask('SIN', target, { range: `bytes=${size}-` });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers['content-range'], `bytes */${size}`);

  for (const range of ['bytes=5-4', 'bytes=-', 'lines=1-2', 'bytes=300-400,100-200']) {
    const answer = await ask('SIN', target, { range });
    assert.equal(answer.status, 200, range);
    assert.deepEqual(answer.body, CONTENT);
  }
  assert.equal((await ask('SIN', target, { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200);
  assert.equal((await ask('SIN', target, { range: 'bytes=0-1', 'if-match': '"other"' })).status, 412);
  const unchanged = await ask('SIN', target, { 'if-none-match': `"other", ${etag}` });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers['etag'], etag);
  assert.equal(unchanged.body.length, 0);
  assert.equal((await ask('SIN', target, { 'if-none-match': '"other"' })).status, 200);
  assert.equal(origin.requests.length, 1);
});

test('concurrent misses of one object become one fetch from the origin', async (t) => {
  const origin = await startOrigin(t);
  const viewers = 8;
  const { promise: allArrived, resolve: arrived } = Promise.withResolvers<undefined>();
  let requests = 0;
  const { ask, sign } = await startViewer(t, origin.baseUrl, {
    keyGroup: () => {
      requests += 1;
      if (requests === viewers) arrived(undefined);
      return KEY_GROUP;
    },
  });
  origin.objects.set(KEY, { content: CONTENT });
  origin.gate = allArrived;
  const target = `/${KEY}${sign(IMAGE)}`;
  const answers = await Promise.all(Array.from({ length: viewers }, () => ask('NRT', target)));
  assert.ok(answers.every(({ body }) => body.equals(CONTENT)));
  assert.deepEqual(answers.map(({ headers }) => headers['x-cache']).sort(), [
    ...Array.from({ length: viewers - 1 }, () => 'Hit from cloudfront'),
    'Miss from cloudfront',
  ]);
  assert.equal(origin.requests.length, 1);
});

test('an expired object is asked for again, and served on while the origin fails', async (t) => {
  const origin = await startOrigin(t);
  let nowMs = Date.now();
  const { ask, sign } = await startViewer(t, origin.baseUrl, { clock: () => nowMs });
  origin.objects.set(KEY, { content: Buffer.from('old'), cacheControl: 'max-age=60' });
  const target = `/${KEY}${sign(IMAGE)}`;
  const etag = (await ask('NRT', target)).headers['etag'];
  nowMs += 59_000;
  const aged = await ask('NRT', target);
  assert.deepEqual([aged.headers['x-cache'], aged.headers['age']], ['Hit from cloudfront', '59']);
  nowMs += 1_000;
  assert.equal((await ask('NRT', target)).headers['x-cache'], 'RefreshHit from cloudfront');
  assert.equal(origin.requests.at(-1)?.headers['if-none-match'], etag);
  assert.equal((await ask('NRT', target)).headers['x-cache'], 'Hit from cloudfront');

  nowMs += 60_000;
  origin.failure = 503;
  const stale = await ask('NRT', target);
  assert.deepEqual([stale.status, stale.body.toString()], [200, 'old']);
  origin.failure = undefined;
  origin.objects.set(KEY, { content: Buffer.from('new'), cacheControl: 'max-age=60' });
  nowMs += 60_000;
  const renewed = await ask('NRT', target);
  assert.deepEqual([renewed.headers['x-cache'], renewed.body.toString()], ['Miss from cloudfront', 'new']);
});

test('the cache is bounded: the least recently used object goes first', async (t) => {
  const origin = await startOrigin(t);
  const { ask, sign } = await startViewer(t, origin.baseUrl, { cacheBytes: 25 });
  for (const name of 'abc') origin.objects.set(`images/${IMAGE}/${name}`, { content: randomBytes(10) });
  const results: string[] = [];
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) {
    const { headers } = await ask('NRT', `/images/${IMAGE}/${name}${sign(IMAGE)}`);
    results.push(`${name} ${headers['x-cache']?.split(' ')[0] ?? ''}`);
  }
  assert.deepEqual(results, ['a Miss', 'b Miss', 'a Hit', 'c Miss', 'a Hit', 'b Miss']);
});

test("the origin's refusals are passed on; a 404 is kept for ten seconds, a 403 is not", async (t) => {
  const origin = await startOrigin(t);
  let nowMs = Date.now();
  const { distribution, ask, sign } = await startViewer(t, origin.baseUrl, { clock: () => nowMs });
  const target = `/${KEY}${sign(IMAGE)}`;
  for (let i = 0; i < 2; i += 1) {
    const missing = await ask('NRT', target);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers['x-cache'], 'Error from cloudfront');
    assert.match(missing.body.toString(), /NoSuchKey.*RequestId/);
  }
  assert.equal(origin.requests.length, 1);
  origin.objects.set(KEY, { content: CONTENT });
  nowMs += 10_000;
  assert.equal((await ask('NRT', target)).status, 200);

  origin.failure = 403;
  assert.equal((await ask('SIN', target)).status, 403);
  origin.failure = undefined;
  assert.equal((await ask('SIN', target)).status, 200);
  assert.deepEqual(distribution.stats()['NRT']?.errors, 2);
});

test('an origin that cannot be reached is 502', async (t) => {
  const { ask, sign } = await startViewer(t, 'http://127.0.0.1:1/bucket');
  const answer = await ask('NRT', `/${KEY}${sign(IMAGE)}`);
  assert.equal(answer.status, 502);
  assert.equal(answer.headers['x-cache'], 'Error from cloudfront');
  assert.equal(answer.headers['content-type'], 'text/html');
});

test('what is not signed for is refused at the edge, in the form of CloudFront', async (t) => {
  const origin = await startOrigin(t);
  const { ask, sign } = await startViewer(t, origin.baseUrl);
  origin.objects.set('images/IMAGE-B/parts/one', { content: CONTENT });
  const unsigned = await ask('NRT', '/images/IMAGE-B/parts/one');
  assert.equal(unsigned.status, 403);
  assert.equal(unsigned.headers['content-type'], 'text/xml');
  assert.equal(unsigned.headers['server'], 'CloudFront');
  assert.equal(unsigned.headers['x-cache'], 'Error from cloudfront');
  assert.match(unsigned.body.toString(), /<Code>MissingKey<\/Code>/);
  const foreign = await ask('NRT', `/images/IMAGE-B/parts/one${sign(IMAGE)}`);
  assert.match(foreign.body.toString(), /<Code>AccessDenied<\/Code><Message>Access denied<\/Message><\/Error>$/);
  assert.equal(origin.requests.length, 0);

  const around = await ask('NRT', `/images/${IMAGE}/../IMAGE-B/parts/one${sign(IMAGE)}`);
  assert.equal(around.status, 404, 'dot segments are part of the key, as in S3');
  assert.equal((await ask('NRT', `/${KEY}${sign(IMAGE)}`, {}, { method: 'PUT' })).status, 403);
  for (const host of ['127.81.1.1', 'other.edgeboot.test', `${HOST}:1`]) {
    const answer = await ask('NRT', `/${KEY}${sign(IMAGE)}`, { host });
    assert.equal(answer.status, 403, host);
    assert.doesNotMatch(answer.body.toString(), /<Code>/);
  }
});
