/** What a process and all its descendants hold in memory, from /proc. */
import { readdir, readFile } from 'node:fs/promises';

/** Sum of the resident sizes; shared pages count in each. 0 when all are gone. */
export async function residentBytes(pid: number): Promise<number> {
  const [own, children] = await Promise.all([readResident(pid), readChildren(pid)]);
  const below = await Promise.all(children.map(residentBytes));
  return below.reduce((sum, bytes) => sum + bytes, own);
}

async function readResident(pid: number): Promise<number> {
  const status = await read(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

async function readChildren(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => read(`/proc/${pid}/task/${thread}/children`)));
  return lists.join(' ').split(' ').filter(Boolean).map(Number);
}

/** Processes end while they are looked at. */
const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
