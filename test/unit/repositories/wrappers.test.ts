/** The sources that wrap sources: each has one disposition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError, type ErrorCode, hasCode } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../../../edge-agent/ports.ts';
import { GrantHolder } from '../../../edge-agent/repositories/grant-holder.ts';
import { withLastPlace } from '../../../edge-agent/repositories/last-place.ts';
import { type Edge, nearestEdge } from '../../../edge-agent/repositories/nearest-edge.ts';
import { renewing } from '../../../edge-agent/repositories/renewing.ts';
import { RetryAfter } from '../../../edge-agent/repositories/retry-after.ts';
import { retrying } from '../../../edge-agent/repositories/retrying.ts';

const request: ObjectRequest = { path: 'images/i/parts/0', sizeBytes: 1 };
const never = new AbortController().signal;
const fails = (code: ErrorCode) => (error: unknown) => hasCode(error, code);
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const fetchedFrom = (edgeLocation?: string): FetchedObject => ({
  bytes: Buffer.alloc(1),
  sizeBytes: 1,
  version: undefined,
  delivery: { edgeLocation, cacheHit: undefined },
});

/** Answers with the given codes in turn, then delivers. */
function createSource(name: string, ...codes: ErrorCode[]) {
  const asked: ObjectRequest[] = [];
  const source: PartSource = {
    fetch(of) {
      asked.push(of);
      const code = codes.shift();
      if (code !== undefined) return Promise.reject(new EdgebootError(code, name));
      return Promise.resolve(fetchedFrom(name));
    },
  };
  return { source, asked };
}

/** Time passes only while somebody sleeps. */
function createClock(random = 1) {
  const slept: number[] = [];
  let now = 0;
  return {
    slept,
    nowSeconds: () => now,
    random: () => random,
    sleep(seconds: number) {
      slept.push(seconds);
      now += seconds;
      return Promise.resolve();
    },
  };
}

// ---- retrying

test('retrying: backs off twice as long each time, up to a limit, by chance', async () => {
  const clock = createClock(0.5);
  const { source } = createSource('edge', ...Array<ErrorCode>(5).fill('PART_UNAVAILABLE'));
  await retrying(source, { clock, firstDelaySeconds: 1, maxDelaySeconds: 5 }).fetch(request, never);
  assert.deepEqual(clock.slept, [0.5, 1, 2, 2.5, 2.5]);
});

test('fault 7: what a server asks for is waited, and then a chance, so that not all come back at once', async () => {
  const clock = createClock(0.5);
  const wishes = [new RetryAfter(30), undefined, new RetryAfter(90)];
  const source: PartSource = {
    fetch: () => Promise.reject(new EdgebootError('THROTTLED', 'storm', { cause: wishes.shift() })),
  };
  const options = { clock, firstDelaySeconds: 1, maxDelaySeconds: 5, deadlineSeconds: 120 };
  await assert.rejects(retrying(source, options).fetch(request, never), fails('THROTTLED'));
  assert.deepEqual(clock.slept, [30.5, 1], 'the third wait would end after the deadline');
});

test('retrying: gives up at the deadline with the last error', async () => {
  const clock = createClock();
  const { source, asked } = createSource('edge', ...Array<ErrorCode>(99).fill('THROTTLED'));
  const options = { clock, firstDelaySeconds: 1, maxDelaySeconds: 4, deadlineSeconds: 10 };
  await assert.rejects(retrying(source, options).fetch(request, never), fails('THROTTLED'));
  assert.deepEqual(clock.slept, [1, 2, 4]);
  assert.equal(asked.length, 4);
});

test('retrying: nothing else is retried', async () => {
  for (const code of ['PART_CORRUPT', 'URL_EXPIRED', 'FORBIDDEN', 'NOT_FOUND', 'LEASE_LOST'] as const) {
    const { source, asked } = createSource('edge', code);
    await assert.rejects(retrying(source, { clock: createClock() }).fetch(request, never), fails(code));
    assert.equal(asked.length, 1);
  }
});

test('retrying: an abort ends the real wait at once, with its reason', async () => {
  const { source } = createSource('edge', 'PART_UNAVAILABLE');
  const stop = new AbortController();
  const waiting = retrying(source, { firstDelaySeconds: 1000, maxDelaySeconds: 1000, deadlineSeconds: 9999 });
  const fetching = waiting.fetch(request, stop.signal);
  await nextTurn();
  stop.abort(new Error('shutdown'));
  await assert.rejects(fetching, /shutdown/);
});

// ---- renewing

function createGrants() {
  const grant = (number: number): Grant => ({
    schemaVersion: 1,
    baseUrl: 'https://edge.example',
    signedQuery: `Signature=${number}`,
    resource: 'https://edge.example/*',
    expiresAt: '2099-01-01T00:00:00Z',
  });
  let renewals = 0;
  const holder = new GrantHolder(grant(0), async () => {
    renewals++;
    const number = renewals;
    await nextTurn();
    return grant(number);
  });
  return { holder, renewals: () => renewals };
}

for (const code of ['URL_EXPIRED', 'SIGNING_KEY_ROTATED', 'FORBIDDEN'] as const) {
  test(`renewing: ${code} is worth one renewal`, async () => {
    const { holder, renewals } = createGrants();
    const { source, asked } = createSource('edge', code);
    await renewing(source, holder).fetch(request, never);
    assert.deepEqual([renewals(), asked.length], [1, 2]);
  });

  test(`renewing: ${code} with a fresh grant is FORBIDDEN`, async () => {
    const { holder, renewals } = createGrants();
    const { source } = createSource('edge', code, code, code);
    await assert.rejects(renewing(source, holder).fetch(request, never), fails('FORBIDDEN'));
    assert.equal(renewals(), 1);
  });
}

test('renewing: one renewal at a time, for everybody', async () => {
  const { holder, renewals } = createGrants();
  const source: PartSource = {
    async fetch() {
      const { signedQuery } = holder.current();
      await nextTurn();
      if (signedQuery === 'Signature=0') throw new EdgebootError('URL_EXPIRED', 'old');
      return fetchedFrom();
    },
  };
  const renewed = renewing(source, holder);
  await Promise.all(Array.from({ length: 20 }, () => renewed.fetch(request, never)));
  assert.equal(renewals(), 1);
});

test('renewing: who was refused with an old grant uses the one that is there now', async () => {
  const { holder, renewals } = createGrants();
  const old = holder.current();
  await holder.replace(old);
  await holder.replace(old);
  assert.equal(renewals(), 1);
  assert.equal(holder.current().signedQuery, 'Signature=1');
});

test('renewing: a renewal that fails is tried again by the next one', async () => {
  const answers = [Promise.reject<Grant>(new EdgebootError('SERVICE_UNAVAILABLE', 'API down'))];
  const { holder: good } = createGrants();
  const holder = new GrantHolder(good.current(), () => answers.shift() ?? Promise.resolve({ ...good.current() }));
  const { source } = createSource('edge', 'URL_EXPIRED', 'URL_EXPIRED');
  await assert.rejects(renewing(source, holder).fetch(request, never), fails('SERVICE_UNAVAILABLE'));
  await renewing(source, holder).fetch(request, never);
});

// ---- nearestEdge

const locationOf = async (source: PartSource, badCopies = 0): Promise<string | undefined> =>
  (await source.fetch({ ...request, badCopies }, never)).delivery.edgeLocation;

/** Each much farther than the one before. */
const apart = (...sources: readonly PartSource[]): Edge[] =>
  sources.map((source, i) => ({ source, roundTripMilliseconds: 10 * 10 ** i }));

test('nearestEdge: the nearest is asked alone while it delivers', async () => {
  const near = createSource('near');
  const far = createSource('far');
  assert.equal(await locationOf(nearestEdge(apart(near.source, far.source))), 'near');
  assert.equal(far.asked.length, 0);
});

test('nearestEdge: an edge that does not deliver is asked last for a while', async () => {
  let now = 0;
  const near = createSource('near', 'PART_UNAVAILABLE');
  const source = nearestEdge(apart(near.source, createSource('far').source), 'fastest', () => now);
  assert.equal(await locationOf(source), 'far');
  now = 29;
  assert.equal(await locationOf(source), 'far');
  now = 31;
  assert.equal(await locationOf(source), 'near');
});

test('nearestEdge: after a corrupt copy another edge begins', async () => {
  const source = nearestEdge(apart(...['a', 'b', 'c'].map((name) => createSource(name).source)));
  assert.deepEqual(await Promise.all([0, 1, 2, 3].map((copies) => locationOf(source, copies))), ['a', 'b', 'c', 'a']);
});

test('nearestEdge: an answer that cannot be the object sends it to the next edge, but is no reason to avoid the first', async () => {
  const near = createSource('near', 'PART_CORRUPT');
  const source = nearestEdge(apart(near.source, createSource('far').source));
  assert.equal(await locationOf(source), 'far');
  assert.equal(await locationOf(source), 'near');
});

test('nearestEdge: when all fail, the last error is told; other errors at once', async () => {
  const down = nearestEdge(
    apart(createSource('a', 'PART_UNAVAILABLE').source, createSource('b', 'PART_CORRUPT').source),
  );
  await assert.rejects(down.fetch(request, never), fails('PART_CORRUPT'));
  const other = createSource('b');
  const denied = nearestEdge(apart(createSource('a', 'FORBIDDEN').source, other.source));
  await assert.rejects(denied.fetch(request, never), fails('FORBIDDEN'));
  assert.equal(other.asked.length, 0);
  await assert.rejects(nearestEdge([]).fetch(request, never), fails('PART_UNAVAILABLE'));
});

test('withLastPlace: it is asked where nobody else answers, and then first for a while', async () => {
  let now = 0;
  const [edges, byName] = [createSource('edges', 'PART_UNAVAILABLE'), createSource('by name')];
  const source = withLastPlace(edges.source, byName.source, () => now);
  assert.equal(await locationOf(source), 'by name');
  now = 29;
  assert.equal(await locationOf(source), 'by name');
  now = 31;
  assert.equal(await locationOf(source), 'edges');
  assert.deepEqual([edges.asked.length, byName.asked.length], [2, 2]);
});

test('withLastPlace: while it is asked first and does not answer, the others are asked', async () => {
  const edges = createSource('edges', 'PART_UNAVAILABLE');
  const answers = [fetchedFrom('by name'), undefined];
  const lastPlace: PartSource = {
    fetch: () => {
      const answer = answers.shift();
      return answer ? Promise.resolve(answer) : Promise.reject(new EdgebootError('PART_UNAVAILABLE', 'gone'));
    },
  };
  const source = withLastPlace(edges.source, lastPlace, () => 0);
  assert.equal(await locationOf(source), 'by name');
  assert.equal(await locationOf(source), 'edges');
});

test('withLastPlace: after any other error it is not asked; where it does not answer either, the error is the others’', async () => {
  for (const code of ['PART_CORRUPT', 'FORBIDDEN', 'NOT_FOUND', 'THROTTLED'] as const) {
    const byName = createSource('by name');
    await assert.rejects(
      withLastPlace(createSource('edges', code).source, byName.source).fetch(request, never),
      fails(code),
    );
    assert.equal(byName.asked.length, 0);
  }
  const [edges, byName] = [createSource('edges', 'PART_UNAVAILABLE'), createSource('by name', 'PART_UNAVAILABLE')];
  await assert.rejects(withLastPlace(edges.source, byName.source).fetch(request, never), { message: 'edges' });
});

test('nearestEdge: requests are spread over those that are about as near', async () => {
  const sources = ['a', 'b', 'far'].map((name) => createSource(name));
  const milliseconds = [10, 11, 40];
  const edges = sources.map(({ source }, i) => ({ source, roundTripMilliseconds: milliseconds[i] ?? 0 }));
  const nearest = nearestEdge(edges);
  await Promise.all(Array.from({ length: 8 }, () => nearest.fetch(request, never)));
  assert.deepEqual(
    sources.map(({ asked }) => asked.length),
    [4, 4, 0],
  );
  const alone = nearestEdge(edges, 'nearest');
  await Promise.all(Array.from({ length: 8 }, () => alone.fetch(request, never)));
  assert.deepEqual(
    sources.map(({ asked }) => asked.length),
    [12, 4, 0],
    'but for whom the nearest alone is wanted',
  );
});

test('nearestEdge: of two that are as near, the one that delivers faster gets more', async () => {
  let now = 0;
  const counts = { fast: 0, slow: 0 };
  const edge = (name: keyof typeof counts, seconds: number): Edge => ({
    roundTripMilliseconds: 10,
    source: {
      fetch: () => {
        counts[name]++;
        now += seconds;
        return Promise.resolve(fetchedFrom(name));
      },
    },
  });
  const nearest = nearestEdge([edge('slow', 4), edge('fast', 1)], 'fastest', () => now);
  for (let i = 0; i < 40; i++) await nearest.fetch(request, never);
  assert.ok(counts.fast > 30, JSON.stringify(counts));
});
