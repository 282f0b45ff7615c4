/** Numbers of reports on a deployment. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ReportNumbers } from '../../edge-agent/core/report-numbers.ts';

it('a report is numbered above all before it, also within a millisecond, and when the clock is set back', () => {
  const numbers = new ReportNumbers();
  assert.deepEqual(
    [1_000, 1_000, 1_500, 900].map((nowMs) => numbers.next(nowMs)),
    [1_000, 1_001, 1_500, 1_501],
  );
});

it('whoever begins anew numbers above what the row has, and above what an earlier process has still under way', () => {
  const [applied, underWay] = [new ReportNumbers(), new ReportNumbers()].map((numbers) => numbers.next(1_000));
  assert.ok(applied !== undefined && underWay !== undefined);
  assert.ok(new ReportNumbers(applied).next(500) > applied, 'the clock was set back');
  assert.ok(new ReportNumbers(undefined).next(2_000) > underWay, 'the row does not know of it yet');
});
