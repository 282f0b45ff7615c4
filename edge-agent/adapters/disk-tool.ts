/**
 * Runs QEMU's and e2fsprogs' tools: their words untranslated, since we read them, and those that look into an untrusted file system
 * as a user who owns nothing.
 */
import { EdgebootError } from '#shared/errors.ts';
import { runCommand, type CommandResult } from '#shared/host/run-command.ts';

/** Linux' own "nobody", and its group. */
export const CONFINED_ID = 65_534;

const TIMEOUT_SECONDS = 600;
/** setpriv's, when it cannot run the program. */
const NOT_FOUND = 127;

export function runDiskTool(command: string, args: readonly string[], signal: AbortSignal): Promise<CommandResult> {
  return runCommand(command, args, { environment: environment(), timeoutSeconds: TIMEOUT_SECONDS, signal });
}

/**
 * @param workDirectory all that the program is given: it is entered before the rights are dropped, so that the folders above it may
 * be closed to everybody.
 * @throws EdgebootError PREREQUISITE_MISSING when there is no such program.
 */
export async function runConfined(
  command: string,
  args: readonly string[],
  workDirectory: string,
  signal: AbortSignal,
): Promise<CommandResult> {
  const result = await runCommand(
    'setpriv',
    [
      ...['--reuid', `${CONFINED_ID}`, '--regid', `${CONFINED_ID}`, '--clear-groups', '--no-new-privs'],
      ...['--pdeathsig', 'KILL', '--', command, ...args],
    ],
    { workingDirectory: workDirectory, environment: environment(), timeoutSeconds: TIMEOUT_SECONDS, signal },
  );
  if (result.exitCode !== NOT_FOUND) return result;
  throw new EdgebootError('PREREQUISITE_MISSING', `the program ${command} cannot be run: ${result.stderr.trim()}`);
}

const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LC_ALL: 'C' });
