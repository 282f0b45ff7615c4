/** Runs one of the project's own programs as its users do: as a process. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf } from '#shared/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
export const EDGEBOOT = path.join(ROOT, 'cli/bin/edgeboot');
export const EDGEBOOT_AGENT = path.join(ROOT, 'edge-agent/bin/edgeboot-agent');

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard error, line by line, as it comes. */
  readonly onWords?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when the program has ended, with whatever exit status. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  options.signal?.throwIfAborted();
  const child = spawn(file, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal && { signal: options.signal }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`;
    options.onWords?.(line);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (error) => {
    if (options.signal?.aborted) reject(options.signal.reason as Error);
    else reject(new Error(`cannot run ${path.basename(file)}: ${messageOf(error)}`));
  });
  child.once('close', (code) => resolve(code ?? 1));
  return { exitCode: await promise, stdout, stderr };
}
