import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAgainAfterMs } from '../../../cli/keep-looking.ts';

test('who waits looks each second at first, then after a thirtieth of the time, and each five seconds at last', () => {
  const seconds = [0, 30, 60, 150, 3600];
  assert.deepEqual(
    seconds.map((waited) => lookAgainAfterMs(waited * 1000)),
    [1000, 1000, 2000, 5000, 5000],
  );
});
