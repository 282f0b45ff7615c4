/** `edgeboot`: the members' and operators' command. Data goes to standard output, words to standard error. */
import { Command, CommanderError, Option } from 'commander';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { auditCommand } from './commands/audit.ts';
import { deploymentCommand } from './commands/deployment.ts';
import { imageCommand } from './commands/image.ts';
import { loginCommand } from './commands/login.ts';
import { publisherCommand } from './commands/publisher.ts';
import { siteCommand } from './commands/site.ts';
import { usageCommand } from './commands/usage.ts';
import { say } from './output.ts';

const HELP = `
To begin:
  edgeboot login --api https://…
  edgeboot image list
  edgeboot site list
  edgeboot deployment create IMAGE --site SITE --computes 2 --wait

Exit status:
   0  done                         70  our fault
  64  wrong usage                  74  cannot write, or disk full
  65  bad data                     75  try again later
  66  no such thing                77  not logged in, or denied
  69  something is missing here    78  wrong configuration
                                  130  interrupted (Ctrl-C)

With --output json, standard output holds JSON and nothing else.`;

const MAX_ERROR_CHARACTERS = 16_384;

const program = new Command('edgeboot')
  .description('Publish virtual clusters once; deploy them at any site of the federation.')
  .version(packageJson.version)
  .addOption(new Option('--output <format>', 'what goes to standard output').choices(['text', 'json']).default('text'))
  .addHelpText('after', HELP)
  .showHelpAfterError()
  // Some commands write to a place, and say so with the same word: after such a command it is not ours.
  .enablePositionalOptions()
  .exitOverride();

const interruption = new AbortController();
const interrupted = Promise.withResolvers<never>();
process.once('SIGINT', () => {
  interruption.abort(new EdgebootError('CANCELED', 'interrupted'));
  // A command that knows more, such as how to go on, has the first word.
  setImmediate(() => interrupted.reject(interruption.signal.reason));
});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads us may stop when it has enough, like head: nothing to talk about.
  if (error.code !== 'EPIPE')
    tell(new EdgebootError('DISK_FULL', messageOf(error), { remedy: 'The output is incomplete.' }));
  process.exit(ERROR_KINDS.DISK_FULL.exitCode);
});

for (const command of [
  loginCommand(),
  imageCommand(interruption.signal),
  deploymentCommand(interruption.signal),
  usageCommand(),
  auditCommand(),
  siteCommand(),
  publisherCommand(),
]) {
  program.addCommand(inheritSettings(command));
}

/** Sub-commands answer wrong usage like the program itself, and take --output after them, too, unless they have one of their own. */
function inheritSettings(command: Command): Command {
  command.copyInheritedSettings(program);
  if (!command.options.some(({ long }) => long === '--output')) {
    command.addOption(new Option('--output <format>', 'what goes to standard output').choices(['text', 'json']));
  }
  for (const child of command.commands) inheritSettings(child);
  return command;
}

try {
  await Promise.race([program.parseAsync(), interrupted.promise]);
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // What was under way is left where it is.
  if (interruption.signal.aborted) process.exit();
}

/** The one place where errors become exit codes. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_KINDS.USAGE.exitCode;
  const known =
    error instanceof EdgebootError ? error : new EdgebootError('INTERNAL', messageOf(error), { cause: error });
  tell(known);
  // Not one of ours: where it came from is all that there is to report.
  if (error !== known && error instanceof Error) say(error.stack ?? '');
  return ERROR_KINDS[known.code].exitCode;
}

function tell({ code, message, remedy }: EdgebootError): void {
  say(`edgeboot: ${code}: ${message.slice(0, MAX_ERROR_CHARACTERS)}`);
  say(`  ${remedy.slice(0, MAX_ERROR_CHARACTERS)}`);
}
