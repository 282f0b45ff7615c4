/** A server that runs as our own child process: it is ready when it says so, and it never outlives us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EdgebootError } from '#shared/errors.ts';

/** Takes one line of text for the person who watches. */
export type LogLine = (line: string) => void;

export interface ChildServerCommand {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly readyTimeoutSeconds: number;
  /** Judges each line of the output until the first verdict. */
  readonly judge: (line: string) => 'ready' | 'failed' | undefined;
  readonly log: LogLine;
}

export interface ChildServer {
  readonly pid: number;
  /** Resolves when the process and all who share its output are gone, however that came about. */
  readonly gone: Promise<void>;
  /** SIGTERM, and SIGKILL to one that does not listen. Resolves when it is gone. May be called again. */
  close(): Promise<void>;
}

/** How much of the output is kept to explain a failure. */
const TAIL_LINES = 25;
const TERMINATION_TIMEOUT_MS = 3_000;

/**
 * Starts it and resolves when it is ready. `setpriv --pdeathsig` has the kernel kill it should we die without a word.
 * @throws EdgebootError SERVICE_UNAVAILABLE, with the end of its output, when it fails, exits or stays silent;
 *   PREREQUISITE_MISSING without setpriv.
 */
export async function startChildServer(options: ChildServerCommand): Promise<ChildServer> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', options.command, ...options.args], {
    cwd: options.directory,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in the terminal reaches us alone, and we need it while we clean up.
    detached: true,
  });
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([cause]) => refuseToRun(options.name, cause))]);
  const gone = once(child, 'close').then(() => undefined);
  const close = async () => {
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), TERMINATION_TIMEOUT_MS);
    await gone;
    clearTimeout(impatience);
  };

  const tail: string[] = [];
  const verdict = Promise.withResolvers<string | undefined>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      options.log(line);
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      const judgment = options.judge(line);
      if (judgment !== undefined) verdict.resolve(judgment === 'failed' ? 'failed to start' : undefined);
    });
  }
  void gone.then(() => verdict.resolve('ended at once'));
  const silence = setTimeout(
    () => verdict.resolve(`was not ready within ${options.readyTimeoutSeconds} s`),
    options.readyTimeoutSeconds * 1_000,
  );
  const failure = await verdict.promise;
  clearTimeout(silence);
  if (failure !== undefined) {
    await close();
    const output = tail.filter((line) => line.trim() !== '').join('\n');
    throw new EdgebootError('SERVICE_UNAVAILABLE', `${options.name} ${failure}.\n${output}`);
  }
  return { pid: child.pid ?? 0, gone, close };
}

function refuseToRun(name: string, cause: unknown): never {
  throw new EdgebootError('PREREQUISITE_MISSING', `${name} was not started: setpriv (of util-linux) cannot be run.`, {
    cause,
  });
}
