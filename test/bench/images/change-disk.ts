/**
 * A newer version of a disk: some runs of its data are changed. A changed run is the old one, rotated within itself by a third and one
 * byte more: it compresses about like the original, and nothing of it lies where it lay.
 */
import { open } from 'node:fs/promises';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { countRuns, planChanges } from './plan-changes.ts';
import { BLOCK_BYTES, findData } from './scan-disk.ts';

export interface ChangeOptions {
  readonly runBytes: number;
  readonly share: number;
}

/** How many bytes differ between the versions of a disk with so much data. */
export function changedBytes(nonZeroBytes: number, { runBytes, share }: ChangeOptions): number {
  return runBytes * countRuns({ dataBlocks: nonZeroBytes / BLOCK_BYTES, blocksPerRun: runBytes / BLOCK_BYTES, share });
}

/** Makes `newerFile` of `file`. */
export async function changeDisk(file: string, newerFile: string, { runBytes, share }: ChangeOptions): Promise<void> {
  await runCommandOrThrow('cp', ['--sparse=always', file, newerFile]);
  const runs = planChanges({ hasData: await findData(file), blocksPerRun: runBytes / BLOCK_BYTES, share });
  await using disk = await open(newerFile, 'r+');
  const old = Buffer.alloc(runBytes);
  const turn = Math.floor(runBytes / 3) + 1;
  for (const run of runs) {
    await disk.read(old, 0, runBytes, run * BLOCK_BYTES);
    const changed = Buffer.concat([old.subarray(turn), old.subarray(0, turn)]);
    await disk.write(changed, 0, runBytes, run * BLOCK_BYTES);
  }
}
