/** What the commands print: data on standard output, as text or JSON; words for people on standard error. */
import type { Command } from 'commander';

export type OutputFormat = 'text' | 'json';

export const formatOf = (command: Command): OutputFormat => command.optsWithGlobals<{ output: OutputFormat }>().output;

/** Prints `data` as JSON, or the rows that `text` makes of it. */
export function printData<T>(command: Command, data: T, text: (data: T) => string): void {
  process.stdout.write(`${formatOf(command) === 'json' ? JSON.stringify(data, null, 2) : text(data)}\n`);
}

export function say(words: string): void {
  process.stderr.write(`${words}\n`);
}

/** Columns, aligned; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = sizeBytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(sizeBytes) / 3));
  return `${(sizeBytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
