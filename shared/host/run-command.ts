/** Runs a program of the host with an argument array (never a shell) and collects what it says. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { EdgebootError } from '../errors.ts';

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  readonly workingDirectory?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Descriptors of open files, which the program gets as 3, 4 and so on. */
  readonly openFiles?: readonly number[];
  /** Gets what the program says on standard output, as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Ends the program with SIGKILL; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** After this time the program is ended with SIGKILL. No limit unless given. */
  readonly timeoutSeconds?: number;
}

export interface CommandResult {
  /** `undefined` when a signal ended the program. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** More output than this is dropped: no program that we run says so much. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a program to its end, whatever its exit status.
 * @throws EdgebootError PREREQUISITE_MISSING when there is no such program.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...(options.openFiles ?? [])],
    cwd: options.workingDirectory,
    env: options.environment ?? process.env,
    killSignal: 'SIGKILL',
    ...(options.timeoutSeconds === undefined ? {} : { timeout: options.timeoutSeconds * 1000 }),
    // The first three are pipes, whatever follows.
  }) as ChildProcessWithoutNullStreams;
  const kill = (): void => void child.kill('SIGKILL');
  options.signal?.addEventListener('abort', kill);
  const { onOutput } = options;
  if (onOutput !== undefined) child.stdout.on('data', (chunk: Buffer) => onOutput(chunk.toString()));
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  // The program may end without having read its input: its exit status tells, EPIPE is no news.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  try {
    const exitCode = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', (error) => reject(startFailure(command, error)));
      child.once('close', (code) => resolve(code ?? undefined));
    });
    options.signal?.throwIfAborted();
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

/**
 * Like {@link runCommand}, but any exit status except 0 is an error that quotes what the program said.
 * @returns its standard output.
 */
export async function runCommandOrThrow(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand(command, args, options);
  if (exitCode !== 0) {
    const said = (stderr.trim() || stdout.trim()).slice(-2000);
    throw new Error(`${command} ${args[0] ?? ''} ended with ${exitCode ?? 'a signal'}: ${said}`);
  }
  return stdout;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}

function startFailure(command: string, error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  return new EdgebootError('PREREQUISITE_MISSING', `the program ${command} is not installed`, { cause: error });
}
