/** What the commands print: data on standard output, as text or JSON; words for people on standard error. */
import type { Command } from 'commander';
import { visibleText } from '#shared/terminal/visible-text.ts';

export { fields, formatBytes, table } from '#shared/terminal/columns.ts';

export type OutputFormat = 'text' | 'json';

/** As it was said nearest to the command: `edgeboot image list --output json`, `edgeboot --output json image list`. */
export function formatOf(command: Command): OutputFormat {
  const { output } = command.opts<{ output?: OutputFormat }>();
  if (command.getOptionValueSource('output') === 'cli' && output !== undefined) return output;
  return command.parent === null ? 'text' : formatOf(command.parent);
}

/** Prints `data` as JSON, or the rows that `text` makes of it. */
export function printData<T>(command: Command, data: T, text: (data: T) => string): void {
  const printed = formatOf(command) === 'json' ? JSON.stringify(data, null, 2) : visibleText(text(data), '');
  process.stdout.write(`${printed}\n`);
}

/** Further lines, which only texts of others have, are indented. */
export function say(words: string): void {
  process.stderr.write(`${visibleText(words, '  ')}\n`);
}
