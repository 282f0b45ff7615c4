/** The benchmark's command line. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { type RowName, ROWS } from './report/rows.ts';

export interface BenchOptions {
  readonly rounds: number;
  readonly rows: readonly RowName[];
  /** Write all that was measured last into docs/performance.md. */
  readonly document: boolean;
}

const DEFAULT_ROUNDS = 5;
const MAX_ROUNDS = 100;
const NAMES = Object.keys(ROWS) as RowName[];

/** Prints the help and ends the process where it is asked for. @throws EdgebootError USAGE */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .description(
      'Measure the transfer of an image against the original pipeline and against other tools, on this machine.',
    )
    .option('--rounds <n>', 'each measures everything once, one after the other', String(DEFAULT_ROUNDS))
    .option('--only <rows>', `of the table, separated by commas: ${NAMES.join(', ')}`)
    .option('--document', 'write all that was measured last into docs/performance.md', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  const { rounds, only, document } = command
    .parse([...args], { from: 'user' })
    .opts<{ rounds: string; only?: string; document: boolean }>();
  const rows = only === undefined ? NAMES : only.split(',').map(parseRow);
  return { rounds: parseRounds(rounds), rows, document };
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds;
  throw new EdgebootError('USAGE', `--rounds must be a whole number from 1 to ${MAX_ROUNDS}`);
}

function parseRow(text: string): RowName {
  const name = NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  throw new EdgebootError('USAGE', `there is no row ${JSON.stringify(text)}: ${NAMES.join(', ')}`);
}
