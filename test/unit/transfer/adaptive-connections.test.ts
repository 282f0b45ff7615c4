import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADAPTIVE, AdaptiveConnections, fixedConnections } from '../../../edge-agent/transfer/adaptive-connections.ts';

const TICK_SECONDS = 0.02;

interface Road {
  /** From a request to the first byte. */
  readonly waitSeconds: number;
  /** What so many connections bring together. */
  readonly bytesPerSecond: (connections: number) => number;
  readonly cacheHit?: boolean;
  /** Answers that wait to be used. */
  readonly unused?: number;
}

/** @returns the limit after each tick of so many seconds of a transfer. */
function drive(connections: AdaptiveConnections, road: Road, seconds: number, from = 0): number[] {
  const limits: number[] = [];
  for (let now = from; now < from + seconds; now += TICK_SECONDS) {
    connections.answered(road.waitSeconds, { edgeLocation: 'TST', cacheHit: road.cacheHit });
    connections.arrived(road.bytesPerSecond(connections.limit) * TICK_SECONDS, road.unused ?? 0, now);
    limits.push(connections.limit);
  }
  return limits;
}

const far: Road = { waitSeconds: 0.18, bytesPerSecond: (connections) => Math.min(117e6, connections * 4e6) };
const near: Road = { waitSeconds: 0.01, bytesPerSecond: () => 117e6 };
const cold: Road = { waitSeconds: 0.2, bytesPerSecond: (connections) => connections * 2e6, cacheHit: false };

test('it doubles while that helps, within seconds', () => {
  const limits = drive(new AdaptiveConnections(ADAPTIVE), far, 10);
  assert.equal(limits[0], 8);
  assert.equal(limits.at(-1), 32);
  assert.ok(limits.indexOf(32) * TICK_SECONDS < 1, `${limits.indexOf(32) * TICK_SECONDS} s`);
});

test('a doubling that does not help is taken back', () => {
  const limits = drive(new AdaptiveConnections(ADAPTIVE), near, 10);
  assert.equal(limits.at(-1), 8);
  assert.equal(Math.max(...limits), 16, 'one is tried');
});

test('it does not grow where what has come is not used up', () => {
  const limits = drive(new AdaptiveConnections(ADAPTIVE), { ...far, unused: 5 }, 10);
  assert.deepEqual(new Set(limits), new Set([8]));
});

test('new connections that are slow at first get the time to show that they help', () => {
  const connections = new AdaptiveConnections(ADAPTIVE);
  // The first eight are as fast as they get after a second; those that are added bring nothing for half a second.
  const limits = [
    ...drive(connections, { waitSeconds: 0.2, bytesPerSecond: () => 32e6 }, 0.7),
    ...drive(connections, far, 5, 0.7),
  ];
  assert.equal(limits.at(-1), 32);
});

test('where an edge has to get most objects first, more are allowed', () => {
  assert.equal(drive(new AdaptiveConnections(ADAPTIVE), cold, 10).at(-1), 64);
  assert.equal(drive(new AdaptiveConnections(ADAPTIVE), { ...cold, cacheHit: true }, 10).at(-1), 32);
});

test('it grows again when the road gets better', () => {
  const connections = new AdaptiveConnections(ADAPTIVE);
  drive(connections, near, 5);
  const better: Road = { waitSeconds: 0.01, bytesPerSecond: (limit) => limit * 20e6 };
  assert.equal(drive(connections, better, 5, 5).at(-1), 32);
});

test('what the operator has fixed stays', () => {
  const limits = drive(new AdaptiveConnections(fixedConnections(5)), far, 5);
  assert.deepEqual(new Set(limits), new Set([5]));
});
