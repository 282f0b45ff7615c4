/** The newer version of a disk: how much is changed, and where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planChanges } from '../../bench/images/plan-changes.ts';

/** By block: `#` is data, `.` is zero. */
const disk = (blocks: string): Uint8Array => Uint8Array.from(blocks, (block) => (block === '#' ? 1 : 0));

test('runs are as many as the share says, lie within data, and apart from each other', () => {
  const hasData = disk('....######....####..' + '#'.repeat(10_000) + '.'.repeat(5_000) + '#'.repeat(10_000) + '#.#.#.');
  const blocksPerRun = 16;
  const runs = planChanges({ hasData, blocksPerRun, share: 0.1 });
  assert.equal(runs.length, Math.round((20_013 * 0.1) / blocksPerRun));
  for (const [i, run] of runs.entries()) {
    assert.ok(hasData.subarray(run, run + blocksPerRun).every((has) => has === 1));
    assert.ok(run >= (runs[i - 1] ?? -blocksPerRun) + blocksPerRun);
  }
  const inFirstHalf = runs.filter((run) => run < 12_000).length;
  assert.ok(Math.abs(inFirstHalf - runs.length / 2) <= 2, 'spread evenly');
});

test('a disk whose data is too scattered is refused', () => {
  assert.throws(() => planChanges({ hasData: disk('#.'.repeat(1000)), blocksPerRun: 2, share: 0.1 }), RangeError);
});
