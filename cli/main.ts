/** `edgeboot`: the members' and operators' command. Data goes to standard output, words to standard error. */
import { Command, CommanderError, Option } from 'commander';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import packageJson from '../package.json' with { type: 'json' };
import { deploymentCommand } from './commands/deployment.ts';
import { imageCommand } from './commands/image.ts';
import { loginCommand } from './commands/login.ts';
import { publisherCommand } from './commands/publisher.ts';
import { siteCommand } from './commands/site.ts';

const EXIT_CODES = `
Exit status: 0 done · 64 usage · 65 bad data · 66 no such thing · 69 something is missing here · 70 our fault · 75 try later ·
77 denied · 78 configuration`;

const program = new Command('edgeboot')
  .description('Publish virtual clusters once; deploy them at any site of the federation.')
  .version(packageJson.version)
  .addOption(new Option('--output <format>', 'what goes to standard output').choices(['text', 'json']).default('text'))
  .addHelpText('after', EXIT_CODES)
  .showHelpAfterError('(add --help for how it is called)')
  .exitOverride();

for (const command of [loginCommand(), imageCommand(), deploymentCommand(), siteCommand(), publisherCommand()]) {
  program.addCommand(inheritSettings(command));
}

/** Sub-commands answer wrong usage like the program itself, and take --output after them, too. */
function inheritSettings(command: Command): Command {
  command.copyInheritedSettings(program);
  if (command.commands.length === 0) {
    command.addOption(new Option('--output <format>', 'what goes to standard output').choices(['text', 'json']));
  }
  for (const child of command.commands) inheritSettings(child);
  return command;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** The one place where errors become exit codes. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_KINDS.USAGE.exitCode;
  const known =
    error instanceof EdgebootError ? error : new EdgebootError('INTERNAL', messageOf(error), { cause: error });
  process.stderr.write(`edgeboot: ${known.code}: ${boundedText(known.message)}\n  ${known.remedy}\n`);
  if (known.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return ERROR_KINDS[known.code].exitCode;
}
