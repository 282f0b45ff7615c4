/** The demo's command line. */
import { Command, Option } from 'commander';
import { EdgebootError } from '#shared/errors.ts';

export const DEMO_SITES = ['ucsd', 'naist'] as const;
const MAX_COMPUTES = 8;

export interface DemoOptions {
  readonly computes: number;
  readonly site: string;
  readonly keep: boolean;
}

/** Prints the help and ends the process where it is asked for; wrong usage ends it with status 64. */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description(
      'Publish a small cluster image, deploy it at a site of an emulated federation, log in to every node, destroy it.',
    )
    .option('--computes <n>', 'compute nodes', '2')
    .addOption(new Option('--site <site>', 'where to deploy').choices([...DEMO_SITES]).default('naist'))
    .option('--keep', 'leave everything up until Ctrl-C', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  const options = command.parse([...args], { from: 'user' }).opts<{ computes: string; site: string; keep: boolean }>();
  const computes = Number(options.computes);
  if (!Number.isInteger(computes) || computes < 0 || computes > MAX_COMPUTES) {
    throw new EdgebootError('USAGE', `--computes must be a whole number from 0 to ${MAX_COMPUTES}`);
  }
  return { ...options, computes };
}
