/** A fetch that is killed when half of the bytes have come, and goes on in a second run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import path from 'node:path';
import { requireSameContent } from '../images/scan-disk.ts';
import type { TransferLog, Transfers } from '../servers/transfer-log.ts';
import { type Command, measure } from './measure.ts';
import { fetchCommand } from './ours.ts';
import { inCleanState, type Work } from './surroundings.ts';

export interface KilledFetch {
  /** Bytes that the server sent, in both runs. */
  readonly bytes: number;
  /** How many parts the second run asked for although the first one had, too. */
  readonly partsAgain: number;
}

/** Told to it, so that what is lost can be counted by connections. */
export const KILLED_CONNECTIONS = 8;

export const killedFetch: Work<KilledFetch> = (around) =>
  inCleanState(around, async (folder) => {
    const { normal } = around.images;
    const { log } = around.servers.endpoints.loopback;
    const output = path.join(folder, 'disk.raw');
    const connections = ['--connections', String(KILLED_CONNECTIONS)];
    const command = fetchCommand(around, folder, output, { options: () => ['--no-sync', ...connections] });
    await log.take();
    const before = await runUntilKilled(command, log, normal.storedBytes / 2);
    await measure(command);
    const after = await log.take();
    await requireSameContent(normal.file, output);
    const had = new Set(before.paths);
    const again = new Set(after.paths.filter((path) => isPart(path) && had.has(path)));
    return { bytes: before.bytes + after.bytes, partsAgain: again.size };
  });

const isPart = (path: string): boolean => path.includes('/parts/');

type Sent = Pick<Transfers, 'bytes' | 'paths'>;

/** @returns what was sent meanwhile. Throws where the command ends by itself. */
async function runUntilKilled({ file, args }: Command, log: TransferLog, limitBytes: number): Promise<Sent> {
  const child = spawn(file, args, { stdio: 'ignore' });
  let bytes = 0;
  const paths: string[] = [];
  const look = async (): Promise<void> => {
    const sent = await log.take();
    bytes += sent.bytes;
    paths.push(...sent.paths);
    if (bytes >= limitBytes) child.kill('SIGKILL');
  };
  const watcher = watch(log.file, () => void look());
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  watcher.close();
  if (exitCode !== null) throw new Error(`the fetch ended with ${exitCode} before it could be killed`);
  await look();
  return { bytes, paths };
}
