import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError, type ErrorCode } from '#shared/errors.ts';
import { repeatUntilAnswered } from '../../../cli/repeat-until-answered.ts';

const PATIENCE = { deadlineMs: 5_000, firstPauseMs: 1, longestPauseMs: 4 };

/** Fails with these codes, one after the other, then answers; without codes left, with `last` for ever. */
function asker(codes: readonly ErrorCode[], last?: ErrorCode) {
  const left = [...codes];
  const counted = { asked: 0 };
  const ask = (): Promise<string> => {
    counted.asked++;
    const code = left.shift() ?? last;
    return code === undefined ? Promise.resolve('answer') : Promise.reject(new EdgebootError(code, `no ${code}`));
  };
  return { counted, ask };
}

test('asks again while the API is away or busy', async () => {
  const { counted, ask } = asker(['SERVICE_UNAVAILABLE', 'THROTTLED', 'SERVICE_UNAVAILABLE']);
  assert.equal(await repeatUntilAnswered(ask, PATIENCE), 'answer');
  assert.equal(counted.asked, 4);
});

for (const code of ['FORBIDDEN', 'INTERNAL', 'UNAUTHENTICATED', 'IDEMPOTENCY_MISMATCH'] as const) {
  test(`does not ask again after ${code}`, async () => {
    const { counted, ask } = asker([], code);
    await assert.rejects(repeatUntilAnswered(ask, PATIENCE), { code });
    assert.equal(counted.asked, 1);
  });
}

test('gives up at the deadline, with the last error', async () => {
  const { counted, ask } = asker(['THROTTLED'], 'SERVICE_UNAVAILABLE');
  await assert.rejects(repeatUntilAnswered(ask, { deadlineMs: 50, firstPauseMs: 10, longestPauseMs: 10 }), {
    code: 'SERVICE_UNAVAILABLE',
  });
  assert.ok(counted.asked > 1);
});
