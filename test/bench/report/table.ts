/** The table of targets. Pure. */
import { table } from '#shared/terminal/columns.ts';
import type { Row } from './rows.ts';
import type { Spread } from './statistics.ts';

export interface Measured extends Row {
  readonly spread: Spread;
}

/** For a person: a line for each row. */
export function targetTable(rows: readonly Measured[]): string {
  const heading = ['', 'median', 'min–max', 'must', 'goal', ''];
  return table([heading, ...rows.map(toCells)]);
}

function toCells({ label, unit, must, goal, spread }: Measured): readonly string[] {
  const text = (value: number | undefined): string => (value === undefined ? '' : format(value, unit));
  const { median, min, max } = spread;
  return [label, text(median), `${text(min)}–${text(max)}`, text(must), text(goal), verdict(median, must, goal)];
}

export function verdict(value: number, must: number | undefined, goal: number | undefined): string {
  if (goal === undefined) return 'reported';
  if (value <= goal) return 'goal reached';
  if (must === undefined) return 'goal missed';
  return value <= must ? 'must reached' : 'short';
}

function format(value: number, unit: Row['unit']): string {
  if (unit === 'MB') return `${Math.round(value)} MB`;
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}
