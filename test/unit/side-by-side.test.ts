/** Many things, some at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sideBySide } from '../../functions/sweep/side-by-side.ts';

test('sixteen are at work together, each thing once, and results keep their order', async () => {
  const things = Array.from({ length: 40 }, (_, i) => i);
  let [atWork, most] = [0, 0];
  const full = Promise.withResolvers<undefined>();
  const results = await sideBySide(things, async (thing) => {
    most = Math.max(most, ++atWork);
    if (atWork === 16) full.resolve(undefined);
    await full.promise;
    atWork -= 1;
    return thing * 2;
  });
  assert.equal(most, 16);
  assert.deepEqual(
    results,
    things.map((thing) => thing * 2),
  );
  assert.deepEqual(await sideBySide([], () => assert.fail()), []);
});

test('a failure is not swallowed', async () => {
  await assert.rejects(
    sideBySide([1, 2], () => Promise.reject(new Error('no'))),
    /no/,
  );
});
