/** Runs one pipeline as a process of its own and says what it cost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { endedChildrenCpuSeconds, memoryOf } from './process-tree.ts';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory: string;
}

export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of the process and of all that it waited for. */
  readonly cpuSeconds: number;
  /** Of all its processes at once, looked at every 50 ms; at least the peak of its largest one. */
  readonly peakRssBytes: number;
}

const LOOK_EVERY_MS = 50;

/**
 * Nothing else of ours may end meanwhile, or its CPU time would count.
 * @returns what it said on standard output, too. Throws where it ends with anything but 0.
 */
export async function measure(command: Command): Promise<{ readonly cost: Cost; readonly stdout: string }> {
  const cpuBefore = endedChildrenCpuSeconds();
  const started = performance.now();
  const child = spawn(command.file, command.args, {
    cwd: command.directory,
    env: { ...process.env, ...command.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, peakRssBytes, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    peakUntil(closed, child.pid ?? 0),
    closed,
  ]);
  const wallSeconds = (performance.now() - started) / 1000;
  const cpuSeconds = endedChildrenCpuSeconds() - cpuBefore;
  if (exitCode !== 0) throw new Error(`${command.file} ended with ${exitCode ?? 'a signal'}:\n${stderr.slice(-2000)}`);
  return { cost: { wallSeconds, cpuSeconds, peakRssBytes }, stdout };
}

async function peakUntil(end: Promise<unknown>, pid: number): Promise<number> {
  let peakBytes = 0;
  const look = async (): Promise<void> => {
    const { residentBytes, largestPeakBytes } = await memoryOf(pid);
    peakBytes = Math.max(peakBytes, residentBytes, largestPeakBytes);
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  await end.finally(() => clearInterval(timer));
  return peakBytes;
}
