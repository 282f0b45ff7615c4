/** The table of targets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Round, type Row, ROWS } from '../../bench/report/rows.ts';
import { spreadOf } from '../../bench/report/statistics.ts';
import { pipelineCells, targetCells, verdict } from '../../bench/report/table.ts';
import type { Run } from '../../bench/works/pipeline.ts';

test('the median is the middle one, or between the two', () => {
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.deepEqual(spreadOf([4, 1, 10, 2]), { median: 3, min: 1, max: 10 });
  assert.throws(() => spreadOf([]), RangeError);
});

test('a target is reached at its value, and not beyond', () => {
  assert.deepEqual(
    [0.5, 0.6, 1, 1.01].map((value) => verdict(value, 1, 0.5)),
    ['goal reached', 'must reached', 'must reached', 'short'],
  );
  assert.equal(verdict(1, undefined, undefined), 'reported');
  assert.equal(verdict(1, undefined, 0.9), 'goal missed');
});

test('the best peer of a round is the fastest one that verifies', () => {
  const seconds: Record<string, number> = { native: 3, 'curl-zstd': 4, 'rclone-zstd': 5, 'aria2-pigz': 6, casync: 90 };
  const round = ((name: string) => ({ wallSeconds: seconds[name] }) as Run) as Round;
  const row: Row = ROWS['best-peer'];
  assert.equal(row.value(round, {} as never), 0.75);
});

test('the table of targets has a line for each row, with its spread and its targets', () => {
  const row = { label: 'peak RSS', unit: 'MB', must: 400, goal: 256, median: 300, min: 299.6, max: 310 } as const;
  const [, cells] = targetCells([{ ...row, rounds: 5, measuredAt: '2026-11-25T12:00:00.000Z' }]);
  assert.deepEqual(cells, ['peak RSS', '300 MB', '300 MB–310 MB', '400 MB', '256 MB', 'must reached']);
});

test('the table of pipelines has medians, and only pipelines', () => {
  const run = (wallSeconds: number) => ({
    ...{ wallSeconds, cpuSeconds: 2, peakRssBytes: 3e6, allocatedBytes: 4e6 },
    transfers: { bytes: 5e6, requests: 6 },
  });
  const measuredAt = '2026-11-25T12:00:00.000Z';
  const works = {
    native: { measuredAt, results: [run(1), run(3), run(2)] },
    frames: { measuredAt, results: [{ sizeRatio: 1 }] },
  };
  assert.deepEqual(pipelineCells(works).slice(1), [['native', '2.00', '1.00–3.00', '2.00', '3', '4', '5']]);
});
