/** Runs one pipeline as a process of its own and says what it cost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { residentBytes } from './process-tree.ts';

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
  /**
   * Of all its processes at once, looked at every 50 ms; at least the exact peak of its largest one.
   */
  readonly peakRssBytes: number;
}

const LOOK_EVERY_MS = 50;

/** @returns what it said on standard output, too. Throws where it ends with anything but 0. */
export async function measure(command: Command): Promise<{ readonly cost: Cost; readonly stdout: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'edgeboot-measure-'));
  try {
    const report = path.join(folder, 'time');
    const timed = ['--quiet', '--output', report, '--format', '%U %S %M', '--', command.file, ...command.args];
    const started = performance.now();
    const child = spawn('time', timed, {
      cwd: command.directory,
      env: { ...process.env, ...command.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'close') as Promise<[number | null]>;
    const [stdout, stderr, sampledBytes, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      sampleUntil(exited, child.pid ?? 0),
      exited,
    ]);
    const wallSeconds = (performance.now() - started) / 1000;
    if (exitCode !== 0)
      throw new Error(`${command.file} ended with ${exitCode ?? 'a signal'}:\n${stderr.slice(-2000)}`);
    const [user = 0, system = 0, largestKiB = 0] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
    const peakRssBytes = Math.max(sampledBytes, largestKiB * 1024);
    return { cost: { wallSeconds, cpuSeconds: user + system, peakRssBytes }, stdout };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sampleUntil(end: Promise<unknown>, pid: number): Promise<number> {
  let peakBytes = 0;
  const look = async (): Promise<void> => {
    peakBytes = Math.max(peakBytes, await residentBytes(pid));
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  await end.finally(() => clearInterval(timer));
  return peakBytes;
}
