/** The model of distance: rates follow from window, round trip, losses and the shared link, as they do for TCP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEGMENT_BYTES } from '../../bench/model/congestion-window.ts';
import { Flow, type Road } from '../../bench/model/flow.ts';
import { Link } from '../../bench/model/link.ts';
import { EDGE_TO_ORIGIN, FAR_ORIGIN, NEAR_EDGE, SITE_LINK } from '../../bench/model/roads.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';
import { SimulatedClock } from '../../helpers/simulated-clock.ts';

const WIDE = { bytesPerSecond: 1e12, queueBytes: 1e12 };
const QUIET: Road = { roundTripMs: 100, jitterMs: 0, windowBytes: 1_000_000, lossRate: 0 };
const PIECE_BYTES = 16 * 1024;

/** A sender that always has something to send, and a receiver that takes everything at once. */
function stream(clock: SimulatedClock, road: Road, link: Link, seed = 1) {
  const arrivals: { readonly atMs: number; readonly bytes: number; readonly number: number }[] = [];
  let sent = 0;
  const onRoom = (): void => {
    for (let room = flow.roomBytes(); room > 0; room = flow.roomBytes()) {
      const number = sent++;
      const bytes = Math.min(room, PIECE_BYTES);
      flow.send(bytes, (taken) => {
        arrivals.push({ atMs: clock.now(), bytes, number });
        taken();
      });
    }
  };
  const flow = new Flow({ road, link, clock, random: seededRandom(seed), onRoom });
  onRoom();
  const bytesBetween = (fromMs: number, toMs: number): number =>
    arrivals.filter(({ atMs }) => atMs > fromMs && atMs <= toMs).reduce((sum, { bytes }) => sum + bytes, 0);
  return { arrivals, bytesBetween };
}

const near = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual / expected - 1) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);

test('without losses a connection carries one window for each round trip', () => {
  for (const road of [QUIET, { ...QUIET, roundTripMs: 20 }, { ...QUIET, windowBytes: 300_000 }]) {
    const clock = new SimulatedClock();
    const { bytesBetween } = stream(clock, road, new Link(WIDE));
    clock.run(30_000);
    near(bytesBetween(10_000, 30_000) / 20, (road.windowBytes / road.roundTripMs) * 1000, 0.03);
  }
});

test('a connection begins with ten segments and doubles with each round trip', () => {
  const clock = new SimulatedClock();
  const { bytesBetween } = stream(clock, QUIET, new Link(WIDE));
  clock.run(1_000);
  const rounds = [0, 1, 2, 3].map((round) => bytesBetween(round * 100, (round + 1) * 100));
  assert.equal(rounds[0], 10 * SEGMENT_BYTES);
  for (const [i, bytes] of rounds.slice(1).entries()) near(bytes, 2 * (rounds[i] ?? 0), 0.35);
});

test('after a pause a connection begins anew', () => {
  const clock = new SimulatedClock();
  const flow = new Flow({ road: QUIET, link: new Link(WIDE), clock, random: () => 1, onRoom: () => undefined });
  for (let round = 0; round < 3; round++) {
    flow.send(flow.roomBytes(), (taken) => taken());
    clock.run(clock.now() + 110);
  }
  const grown = flow.roomBytes();
  clock.run(clock.now() + 150);
  assert.ok(grown > 20 * SEGMENT_BYTES);
  assert.equal(flow.roomBytes(), grown, 'within the timeout');
  clock.run(clock.now() + 1000);
  assert.equal(flow.roomBytes(), 10 * SEGMENT_BYTES);
});

test('losses hold a connection at the window that RFC 9438 gives for CUBIC', () => {
  for (const [lossRate, roundTripMs] of [
    [1e-4, 100],
    [1e-3, 100],
    [1e-4, 20],
  ] as const) {
    const clock = new SimulatedClock();
    const road = { ...QUIET, windowBytes: 1e9, lossRate, roundTripMs };
    const { bytesBetween } = stream(clock, road, new Link(WIDE), 7);
    clock.run(600_000);
    const windowBytes = (bytesBetween(20_000, 600_000) / 580_000) * roundTripMs;
    // Section 5.1: CUBIC's response function with C = 0.4 and beta = 0.7, and Reno's where that is more.
    const cubic = 1.054 * (roundTripMs / 1000 / lossRate) ** 0.75;
    const reno = 1.31 / Math.sqrt(lossRate);
    near(windowBytes / SEGMENT_BYTES, Math.max(cubic, reno), 0.35);
  }
});

test('connections share a link: it is full, and never overfull', () => {
  const clock = new SimulatedClock();
  const link = new Link({ bytesPerSecond: 20e6, queueBytes: 2e6 });
  const streams = Array.from({ length: 16 }, (_, i) => stream(clock, { ...QUIET, lossRate: 1e-5 }, link, i));
  clock.run(40_000);
  const rates = streams.map(({ bytesBetween }) => bytesBetween(10_000, 40_000) / 30);
  const sum = rates.reduce((total, rate) => total + rate, 0);
  assert.ok(sum <= 20e6 * 1.01, `${sum} bytes a second`);
  assert.ok(sum >= 20e6 * 0.9, `${sum} bytes a second`);
  for (const rate of rates) assert.ok(rate > sum / 16 / 5, `one connection starves at ${rate} bytes a second`);
});

test('whatever is lost or late, all arrives once and in order', () => {
  const clock = new SimulatedClock();
  const link = new Link({ bytesPerSecond: 5e6, queueBytes: 100_000 });
  const { arrivals } = stream(clock, { ...QUIET, jitterMs: 50, lossRate: 0.01 }, link);
  clock.run(20_000);
  assert.ok(arrivals.length > 50);
  assert.deepEqual(
    arrivals.map(({ number }) => number),
    arrivals.map((_, i) => i),
  );
});

test('a receiver that takes nothing stops the sender after one window', () => {
  const clock = new SimulatedClock();
  const held: (() => void)[] = [];
  let sent = 0;
  const onRoom = (): void => {
    for (let room = flow.roomBytes(); room > 0; room = flow.roomBytes()) {
      sent += room;
      flow.send(room, (taken) => held.push(taken));
    }
  };
  const flow = new Flow({ road: QUIET, link: new Link(WIDE), clock, random: () => 1, onRoom });
  onRoom();
  clock.run(60_000);
  assert.ok(sent > 0.95 * QUIET.windowBytes && sent <= QUIET.windowBytes, `${sent} bytes`);
  for (const taken of held.splice(0)) taken();
  clock.run(120_000);
  assert.ok(sent > 1.9 * QUIET.windowBytes && sent <= 2 * QUIET.windowBytes, `${sent} bytes`);
});

test('the rates of the roads emerge: far, near, and from the edge to its origin', () => {
  const megabytesPerSecond = (road: Road): number => {
    const clock = new SimulatedClock();
    const { bytesBetween } = stream(clock, road, new Link(SITE_LINK), 5);
    clock.run(300_000);
    return bytesBetween(0, 300_000) / 300e6;
  };
  near(megabytesPerSecond(FAR_ORIGIN), 4, 0.1);
  near(megabytesPerSecond(NEAR_EDGE), 50, 0.1);
  near(megabytesPerSecond(EDGE_TO_ORIGIN), 2, 0.2);
});
