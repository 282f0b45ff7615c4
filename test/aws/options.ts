/** The command line of `npm run verify:aws`. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { DEFAULT_STAGE, requireVerifyStage } from './names.ts';

const REGION = /^[a-z]{2}(?:-[a-z]{2,12}){1,2}-\d$/;

export interface VerifyOptions {
  readonly profile?: string;
  readonly stage: string;
  readonly region: string;
  readonly yes?: true;
  readonly plan?: true;
  readonly remove?: true;
}

/** Prints the help and ends the process where it is asked for; wrong usage ends it with status 64. Throws USAGE. */
export function parseVerifyOptions(args: readonly string[]): VerifyOptions {
  const command = new Command('npm run verify:aws --')
    .description(
      'Deploy a stage of its own into a real account, run the whole job there but for machines, show what it cost, remove everything.',
    )
    .option('--profile <name>', "of AWS's configuration: an administrator's, since roles are made")
    .option('--stage <stage>', '"verify", or that and up to 10 small letters or digits', DEFAULT_STAGE)
    .option('--region <region>', 'where', 'us-east-1')
    .option('--yes', 'do not ask')
    .option('--plan', 'only say what would happen; needs no account')
    .option('--remove', 'only remove what an earlier run has left')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  const options = command.parse([...args], { from: 'user' }).opts<VerifyOptions>();
  requireVerifyStage(options.stage);
  if (!REGION.test(options.region)) throw new EdgebootError('USAGE', `${JSON.stringify(options.region)} is no region`);
  if (options.plan && options.remove) throw new EdgebootError('USAGE', '--plan and --remove do not go together');
  return options;
}
