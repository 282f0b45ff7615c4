/** The experiment's command line. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';

export interface ExperimentOptions {
  /** One for each hour. */
  readonly samples: number;
  /** Write chart and tables into docs/. */
  readonly document: boolean;
  /** A real one, instead of the model. */
  readonly real: { readonly distribution: string; readonly bucket: string | undefined } | undefined;
}

const DEFAULT_SAMPLES = 24;
const MAX_SAMPLES = 24 * 14;

/** Prints the help and ends the process where it is asked for. @throws EdgebootError USAGE */
export function parseExperimentOptions(args: readonly string[]): ExperimentOptions {
  const command = new Command('npm run experiment --')
    .description(
      "Repeat the original authors' comparison of bucket and edges, in a model of distance or against a real distribution.",
    )
    .option(
      '--samples <n>',
      'one for each hour: simulated hours of the model, real ones otherwise',
      String(DEFAULT_SAMPLES),
    )
    .option('--document', 'write chart and tables into docs/experiment.md', false)
    .option('--distribution <url>', 'where build/bench/www/experiment lies on a real distribution, readable by anybody')
    .option('--bucket <url>', 'the same folder at its origin')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  const given = command
    .parse([...args], { from: 'user' })
    .opts<{ samples: string; document: boolean; distribution?: string; bucket?: string }>();
  const samples = Number(given.samples);
  if (!Number.isInteger(samples) || samples < 1 || samples > MAX_SAMPLES) {
    throw new EdgebootError('USAGE', `--samples must be a whole number from 1 to ${MAX_SAMPLES}`);
  }
  if (given.distribution === undefined && given.bucket !== undefined) {
    throw new EdgebootError('USAGE', '--bucket is for a real distribution: give --distribution, too');
  }
  if (given.distribution !== undefined && given.document) {
    throw new EdgebootError(
      'USAGE',
      'docs/experiment.md is about the model: --document and --distribution exclude each other',
    );
  }
  const real = given.distribution && {
    distribution: requireUrl(given.distribution, '--distribution'),
    bucket: given.bucket === undefined ? undefined : requireUrl(given.bucket, '--bucket'),
  };
  return { samples, document: given.document, real: real || undefined };
}

/** Without a slash at the end. */
function requireUrl(text: string, option: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '') return url.href.replace(/\/+$/, '');
  throw new EdgebootError('USAGE', `${option} must be an http or https address without a query`);
}
