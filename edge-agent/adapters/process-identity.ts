/** Processes that outlive us are met again: only the very one that was recorded, never another that got its number. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { isNotThere } from '../durable-files.ts';

export const processIdentitySchema = z.strictObject({
  pid: z.int().positive(),
  /** In the kernel's ticks since it booted. */
  startTicks: z.string().regex(/^\d+$/),
  /** Ticks and numbers begin anew with each boot. */
  bootId: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

const POLL_SECONDS = 0.01;

/** `undefined` where no such process runs. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startTicks = await readStartTicks(pid);
  if (startTicks === undefined) return undefined;
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return { pid, startTicks, bootId };
}

export async function isRunning(process: ProcessIdentity): Promise<boolean> {
  const present = await identifyProcess(process.pid);
  return present?.startTicks === process.startTicks && present.bootId === process.bootId;
}

/** Resolves when it has ended; one that is not there, or not the same any more, is left alone. */
export async function killProcess(identity: ProcessIdentity): Promise<void> {
  if (await isRunning(identity)) sendKill(identity.pid);
  while (await isRunning(identity)) await delay(POLL_SECONDS * 1000);
}

/** It may have ended since it was looked at. */
function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** proc_pid_stat(5). The second field, in parentheses, may hold anything. A zombie has ended, though its parent has not noticed. */
async function readStartTicks(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = 'X'] = fields;
    return 'ZX'.includes(state) ? undefined : fields[19];
  } catch (error) {
    // ESRCH: it ended while it was read.
    if (isNotThere(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    throw error;
  }
}
