/** The tables of the benchmark: rows of cells, whoever prints them. Pure. */
import * as z from 'zod';
import type { Results, RowResult } from './results-file.ts';
import { spreadOf } from './statistics.ts';

/** A line for each row of the targets. */
export function targetCells(rows: readonly RowResult[]): readonly (readonly string[])[] {
  return [['', 'median', 'min–max', 'must', 'goal', ''], ...rows.map(toCells)];
}

function toCells({ label, unit, must, goal, median, min, max }: RowResult): readonly string[] {
  const text = (value: number | undefined): string => (value === undefined ? '' : format(value, unit));
  return [label, text(median), `${text(min)}–${text(max)}`, text(must), text(goal), verdict(median, must, goal)];
}

export function verdict(value: number, must: number | undefined, goal: number | undefined): string {
  if (goal === undefined) return 'reported';
  if (value <= goal) return 'goal reached';
  if (must === undefined) return 'goal missed';
  return value <= must ? 'must reached' : 'short';
}

function format(value: number, unit: RowResult['unit']): string {
  if (unit === 'MB') return `${Math.round(value)} MB`;
  if (unit === 's') return `${value.toFixed(2)} s`;
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

const runSchema = z.object({
  wallSeconds: z.number(),
  cpuSeconds: z.number(),
  peakRssBytes: z.number(),
  allocatedBytes: z.number(),
  transfers: z.object({ bytes: z.number() }),
});

/** A line for each work that is a pipeline: medians. */
export function pipelineCells(works: Results['works']): readonly (readonly string[])[] {
  const heading = ['', 'wall s', 'min–max', 'CPU s', 'RSS MB', 'allocated MB', 'fetched MB'];
  const lines = Object.entries(works).flatMap(([name, { results }]) => {
    const runs = results.flatMap((result) => runSchema.safeParse(result).data ?? []);
    if (runs.length === 0) return [];
    const median = (pick: (run: z.infer<typeof runSchema>) => number): number => spreadOf(runs.map(pick)).median;
    const wall = spreadOf(runs.map(({ wallSeconds }) => wallSeconds));
    return [
      [
        ...[name, wall.median.toFixed(2), `${wall.min.toFixed(2)}–${wall.max.toFixed(2)}`],
        median(({ cpuSeconds }) => cpuSeconds).toFixed(2),
        ...[
          median(({ peakRssBytes }) => peakRssBytes),
          median(({ allocatedBytes }) => allocatedBytes),
          median(({ transfers }) => transfers.bytes),
        ].map((bytes) => (bytes / 1e6).toFixed(0)),
      ],
    ];
  });
  return [heading, ...lines];
}
