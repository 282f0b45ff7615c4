/** Where a row stands in the index of what is waited for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unsettledAttributes } from '../../functions/adapters/dynamodb-unsettled.ts';

test('a row moves in the index every five minutes of its life, and never stands later than when it came on last', () => {
  const createdAt = '2026-11-20T10:02:30.500Z';
  for (const [progressedAt, touchedAt] of [
    [createdAt, createdAt],
    ['2026-11-20T10:07:30.499Z', createdAt],
    ['2026-11-20T10:07:30.500Z', '2026-11-20T10:07:30.500Z'],
    ['2026-11-22T10:00:00.000Z', '2026-11-22T09:57:30.500Z'],
  ] as const) {
    assert.deepEqual(unsettledAttributes('warming', { createdAt, progressedAt }), {
      unsettled: 'UNSETTLED_WARMING',
      touchedAt,
    });
  }
});
