/** `edgeboot-agent`: the site's agent; what its operator needs to install it; and virtual clusters on this host alone. */
import { Command, CommanderError } from 'commander';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { visibleText } from '#shared/terminal/visible-text.ts';
import { addKeyCommand } from './commands/add-key.ts';
import { bootCommand } from './commands/boot.ts';
import { cacheCommand } from './commands/cache.ts';
import { federationCommands } from './commands/federation.ts';
import { fetchCommand } from './commands/fetch.ts';
import { cleanCommand, shutdownCommand, startCommand } from './commands/power.ts';
import { listCommand } from './commands/list.ts';
import { syncCommand } from './commands/sync.ts';
import { AGENT_VERSION } from './version.ts';

const HELP = `
A virtual cluster on this host, from any repository, without a federation:
  edgeboot-agent list repository --repository http://images.example.org/vc
  edgeboot-agent boot rocks-sge 8 --repository http://images.example.org/vc --key ~/.ssh/id_ed25519.pub
  edgeboot-agent list cluster
  edgeboot-agent shutdown vc-192-0-2-10 && edgeboot-agent clean vc-192-0-2-10

A site of a federation:
  edgeboot-agent enroll TOKEN && edgeboot-agent doctor && edgeboot-agent run`;

const interruption = new AbortController();

function program(): Command {
  const agent = new Command('edgeboot-agent')
    .description("The site's agent: boots virtual clusters on this host, for a federation or for its operator alone.")
    .version(AGENT_VERSION)
    .addHelpText('after', HELP)
    .showHelpAfterError()
    .exitOverride();
  const { signal } = interruption;
  for (const command of [
    ...federationCommands(),
    bootCommand(signal),
    addKeyCommand(signal),
    listCommand(signal),
    shutdownCommand(),
    startCommand(signal),
    cleanCommand(),
    syncCommand(signal),
    fetchCommand(signal),
    cacheCommand(signal),
  ]) {
    agent.addCommand(inheritSettings(agent, command));
  }
  return agent;
}

/** Sub-commands answer wrong usage like the program itself. */
function inheritSettings(agent: Command, command: Command): Command {
  command.copyInheritedSettings(agent);
  for (const child of command.commands) inheritSettings(agent, child);
  return command;
}

try {
  // The agent itself listens for signals on its own: run-agent.ts.
  if (process.argv[2] !== 'run') {
    const interrupt = (): void => interruption.abort(new EdgebootError('CANCELED', 'interrupted'));
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  }
  await program().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Says what went wrong on standard error, unless commander has said it already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_KINDS.USAGE.exitCode;
  const known =
    error instanceof EdgebootError ? error : new EdgebootError('INTERNAL', messageOf(error), { cause: error });
  process.stderr.write(
    `edgeboot-agent: ${known.code}: ${visibleText(known.message, '  ')}\n  ${visibleText(known.remedy, '  ')}\n`,
  );
  if (known.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return ERROR_KINDS[known.code].exitCode;
}
