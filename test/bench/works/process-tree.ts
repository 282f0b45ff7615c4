/** What a process and all its descendants hold in memory, and what CPU time children took: from /proc. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** In bytes; 0 where there are no processes. */
export interface Memory {
  /** Sum of the resident sizes now; shared pages count in each. */
  readonly residentBytes: number;
  /** The most that any one process has held since its start. */
  readonly largestPeakBytes: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const [status, children] = await Promise.all([read(`/proc/${pid}/status`), readChildren(pid)]);
  const below = await Promise.all(children.map(memoryOf));
  return {
    residentBytes: below.reduce((sum, child) => sum + child.residentBytes, bytesOf(status, 'VmRSS')),
    largestPeakBytes: Math.max(bytesOf(status, 'VmHWM'), ...below.map((child) => child.largestPeakBytes)),
  };
}

function bytesOf(status: string, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

async function readChildren(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => read(`/proc/${pid}/task/${thread}/children`)));
  return lists.join(' ').split(' ').filter(Boolean).map(Number);
}

/** Processes end while they are looked at. */
const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** Fields of /proc/PID/stat, counted behind the program's name, which may hold anything. */
const CHILDREN_USER = 13;
const CHILDREN_SYSTEM = 14;
/** The kernel counts for programs in this unit, on every machine. */
const TICKS_PER_SECOND = 100;

/** User and system time of all children that have ended, and of those that they waited for. */
export function endedChildrenCpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[CHILDREN_USER]) + Number(fields[CHILDREN_SYSTEM])) / TICKS_PER_SECOND;
}
