/** `edgeboot-agent`: the site's agent; what its operator needs to install it; and virtual clusters on this host alone. */
import { Command, CommanderError } from 'commander';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { visibleText } from '#shared/terminal/visible-text.ts';
import { AGENT_VERSION } from './version.ts';

const HELP = `
A virtual cluster on this host, from any repository, without a federation:
  edgeboot-agent list repository --repository http://images.example.org/vc
  edgeboot-agent boot rocks-sge 8 --repository http://images.example.org/vc --key ~/.ssh/id_ed25519.pub
  edgeboot-agent list cluster
  edgeboot-agent shutdown vc-192-0-2-10 && edgeboot-agent clean vc-192-0-2-10

One disk of an image, into a file:
  edgeboot-agent fetch http://images.example.org/vc/rocks-sge/rocks-sge.xml --output frontend.raw

A site of a federation:
  edgeboot-agent enroll TOKEN && edgeboot-agent doctor && edgeboot-agent run`;

const interruption = new AbortController();
const { signal } = interruption;

/** In the order of the help text. Only those are loaded that are called by one of their names, or all for the help. */
const COMMANDS: readonly { readonly names: readonly string[]; readonly load: () => Promise<readonly Command[]> }[] = [
  {
    names: ['run', 'enroll', 'doctor'],
    load: async () => (await import('./commands/federation.ts')).federationCommands(),
  },
  { names: ['boot'], load: async () => [(await import('./commands/boot.ts')).bootCommand(signal)] },
  { names: ['add-key'], load: async () => [(await import('./commands/add-key.ts')).addKeyCommand(signal)] },
  { names: ['list'], load: async () => [(await import('./commands/list.ts')).listCommand(signal)] },
  {
    names: ['shutdown', 'start', 'clean'],
    load: async () => (await import('./commands/power.ts')).powerCommands(signal),
  },
  { names: ['sync'], load: async () => [(await import('./commands/sync.ts')).syncCommand(signal)] },
  { names: ['fetch'], load: async () => [(await import('./commands/fetch.ts')).fetchCommand(signal)] },
];

async function loadCommands(name: string | undefined): Promise<readonly Command[]> {
  const named = COMMANDS.filter(({ names }) => name !== undefined && names.includes(name));
  return (await Promise.all((named.length > 0 ? named : COMMANDS).map(({ load }) => load()))).flat();
}

async function program(): Promise<Command> {
  const agent = new Command('edgeboot-agent')
    .description("The site's agent: boots virtual clusters on this host, for a federation or for its operator alone.")
    .version(AGENT_VERSION)
    .addHelpText('after', HELP)
    .showHelpAfterError()
    .exitOverride();
  for (const command of await loadCommands(process.argv[2])) agent.addCommand(inheritSettings(agent, command));
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
  await (await program()).parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Says what went wrong on standard error, unless commander has said it already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_KINDS.USAGE.exitCode;
  const known = error instanceof EdgebootError ? error : unexpected(error);
  process.stderr.write(
    `edgeboot-agent: ${known.code}: ${visibleText(known.message, '  ')}\n  ${visibleText(known.remedy, '  ')}\n`,
  );
  if (known.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return ERROR_KINDS[known.code].exitCode;
}

/** A program of the host that Ctrl-C has ended together with us is no fault of ours. */
function unexpected(error: unknown): EdgebootError {
  if (interruption.signal.aborted) return interruption.signal.reason as EdgebootError;
  return new EdgebootError('INTERNAL', messageOf(error), { cause: error });
}
