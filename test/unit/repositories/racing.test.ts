import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../../../edge-agent/ports.ts';
import { type RaceClock, racing } from '../../../edge-agent/repositories/racing.ts';

const { signal } = new AbortController();
const MIB = 1024 * 1024;

/** Time goes on when the test says so. */
function simulatedClock() {
  let now = 0;
  let alarms: { readonly at: number; readonly ring: () => void }[] = [];
  const clock: RaceClock = {
    nowSeconds: () => now,
    after(seconds, ring) {
      const alarm = { at: now + seconds, ring };
      alarms.push(alarm);
      return () => {
        alarms = alarms.filter((one) => one !== alarm);
      };
    },
  };
  const pass = (seconds: number): void => {
    now += seconds;
    const due = alarms.filter(({ at }) => at <= now);
    alarms = alarms.filter(({ at }) => at > now);
    for (const { ring } of due) ring();
  };
  return { clock, pass, alarmCount: () => alarms.length };
}

interface Asked {
  readonly request: ObjectRequest;
  readonly signal: AbortSignal;
  readonly answer: (from: string) => void;
  readonly fail: (error: Error) => void;
}

function heldSource() {
  const asked: Asked[] = [];
  const source: PartSource = {
    fetch: (request, stop) =>
      new Promise<FetchedObject>((resolve, reject) => {
        const delivery = { edgeLocation: undefined, cacheHit: undefined };
        const answer = (from: string): void =>
          resolve({ bytes: Buffer.from(from), sizeBytes: MIB, version: undefined, delivery });
        stop.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        asked.push({ request, signal: stop, answer, fail: reject });
      }),
  };
  return { source, asked };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const request: ObjectRequest = { path: 'p', sizeBytes: MIB, into: Buffer.alloc(MIB) };

/** After it, everybody knows that a mebibyte takes a second. */
async function warmUp() {
  const held = heldSource();
  const { clock, pass, alarmCount } = simulatedClock();
  const raced = racing(held.source, clock);
  for (let i = 0; i < 8; i++) {
    const fetching = raced.fetch(request, signal);
    pass(1);
    held.asked.at(-1)?.answer('usual');
    await fetching;
  }
  assert.equal(held.asked.length, 8);
  held.asked.length = 0;
  return { raced, asked: held.asked, pass, alarmCount };
}

test('one that is far slower than its like gets a rival, at another place, with memory of its own', async () => {
  const { raced, asked, pass, alarmCount } = await warmUp();
  const fetching = raced.fetch(request, signal);
  pass(2.9);
  await settled();
  assert.equal(asked.length, 1, 'not before three times the usual');
  pass(0.2);
  await settled();
  assert.equal(asked.length, 2);
  assert.equal(asked[1]?.request.into, undefined);
  assert.equal(asked[1]?.request.badCopies, 1);
  asked[1].answer('rival');
  assert.equal((await fetching).bytes.toString(), 'rival');
  assert.ok(asked[0]?.signal.aborted, 'the loser is called off, and has ended');
  assert.equal(alarmCount(), 0);
});

test('at the end, when most of what was under way has come, patience is shorter', async () => {
  const { raced, asked, pass } = await warmUp();
  const fetching = [1, 2, 3, 4].map(() => raced.fetch(request, signal));
  pass(1);
  for (const one of asked.slice(0, 1)) one.answer('in time');
  pass(0.8);
  await settled();
  assert.equal(asked.length, 4, 'three of four are under way');
  asked[1]?.answer('in time');
  await settled();
  assert.equal(asked.length, 6, 'both of those that are left have a rival, at once');
  for (const one of asked.slice(4)) one.answer('rival');
  const came = await Promise.all(fetching);
  assert.deepEqual(
    came.map(({ bytes }) => bytes.toString()),
    ['in time', 'in time', 'rival', 'rival'],
  );
});

test('the first one may still win', async () => {
  const { raced, asked, pass } = await warmUp();
  const fetching = raced.fetch(request, signal);
  pass(3.1);
  await settled();
  asked[0]?.answer('first');
  assert.equal((await fetching).bytes.toString(), 'first');
  assert.ok(asked[1]?.signal.aborted);
});

test('what fails early fails as it is; where both fail, the first one’s error is told', async () => {
  const { raced, asked, pass, alarmCount } = await warmUp();
  const early = raced.fetch(request, signal);
  asked[0]?.fail(new EdgebootError('NOT_FOUND', 'no such part'));
  await assert.rejects(early, { code: 'NOT_FOUND' });
  assert.equal(alarmCount(), 0);
  const both = raced.fetch(request, signal);
  pass(3.1);
  await settled();
  asked[2]?.fail(new EdgebootError('PART_UNAVAILABLE', 'the rival'));
  asked[1]?.fail(new EdgebootError('FORBIDDEN', 'the first'));
  await assert.rejects(both, { code: 'FORBIDDEN' });
});

test('nothing is raced that nobody can call slow', async () => {
  const held = heldSource();
  const { clock, pass, alarmCount } = simulatedClock();
  const raced = racing(held.source, clock);
  void raced.fetch(request, signal).catch(() => undefined);
  void raced.fetch({ path: 'index', sizeBytes: undefined, maxBytes: MIB }, signal).catch(() => undefined);
  pass(1000);
  await settled();
  assert.equal(held.asked.length, 2);
  assert.equal(alarmCount(), 0);
});
