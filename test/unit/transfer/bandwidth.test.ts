import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MinimumRate } from '../../../edge-agent/repositories/minimum-rate.ts';
import { Bandwidth } from '../../../edge-agent/transfer/bandwidth.ts';

const { signal } = new AbortController();

function simulatedClock() {
  let now = 0;
  return {
    nowSeconds: () => now,
    pass: (seconds: number): void => void (now += seconds),
    sleep: (seconds: number): Promise<void> => {
      now += seconds;
      return Promise.resolve();
    },
  };
}

test('over time, no more comes than the cap', async () => {
  const clock = simulatedClock();
  const bandwidth = new Bandwidth(1e6, clock);
  for (let i = 0; i < 100; i++) await bandwidth.take(65_536, signal);
  const seconds = clock.nowSeconds();
  assert.ok(Math.abs((100 * 65_536) / seconds - 1e6) < 0.03 * 1e6, `${seconds} s`);
});

test('a pause is no credit for more than a moment', async () => {
  const clock = simulatedClock();
  const bandwidth = new Bandwidth(1e6, clock);
  clock.pass(60);
  const before = clock.nowSeconds();
  await bandwidth.take(1_000_000, signal);
  assert.ok(clock.nowSeconds() - before >= 0.9 - 1e-9, 'a tenth of a second is');
});

test('below the cap nobody waits', async () => {
  const clock = simulatedClock();
  const bandwidth = new Bandwidth(1e6, clock);
  for (let i = 0; i < 10; i++) {
    clock.pass(1);
    assert.equal(await bandwidth.take(50_000, signal), 0);
  }
});

test('fault 2: an answer that drips is told from one that is slow', () => {
  const dripping = new MinimumRate(0);
  const seen = Array.from({ length: 60 }, (_, i) => dripping.arrived(1, i + 1));
  assert.equal(seen.indexOf(false), 19, 'after twenty seconds');
  const slow = new MinimumRate(0);
  assert.ok(Array.from({ length: 60 }, (_, i) => slow.arrived(8192, i + 1)).every(Boolean));
});

test('fault 2: what we did not read is not the server’s slowness', () => {
  const rate = new MinimumRate(0);
  rate.paused(100);
  assert.equal(rate.arrived(1, 101), true);
});
