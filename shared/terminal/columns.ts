/** Rows for people: aligned, and harmless for a terminal. */
import { visibleLine, visibleText } from './visible-text.ts';

/** Columns, aligned; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.map(visibleLine));
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((row) => (row[column] ?? '').length)));
  return lines
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line for each field, labels aligned; further lines of a value stand below its first. */
export function fields(rows: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.map(([label, value]) => label.padEnd(width) + visibleText(value, ' '.repeat(width))).join('\n');
}

export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = sizeBytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(sizeBytes) / 3));
  return `${(sizeBytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
