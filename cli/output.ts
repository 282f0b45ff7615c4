/** What the commands print: data on standard output, as text or JSON; words for people on standard error. */
import type { Command } from 'commander';
import { visibleLine, visibleText } from './visible-text.ts';

export type OutputFormat = 'text' | 'json';

export const formatOf = (command: Command): OutputFormat => command.optsWithGlobals<{ output: OutputFormat }>().output;

/** Prints `data` as JSON, or the rows that `text` makes of it. */
export function printData<T>(command: Command, data: T, text: (data: T) => string): void {
  const printed = formatOf(command) === 'json' ? JSON.stringify(data, null, 2) : visibleText(text(data), '');
  process.stdout.write(`${printed}\n`);
}

/** Further lines, which only texts of others have, are indented. */
export function say(words: string): void {
  process.stderr.write(`${visibleText(words, '  ')}\n`);
}

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
