/** Raw disks that follow the image standard: sparse, with a file system in the first partition. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { PARTITION_OFFSET_BYTES, partitionTable } from './partitioned-disk.ts';

const MIB = 1024 * 1024;

/** A small one, with odd bytes here and there. @param dataAt where 70,000 bytes of noise lie, outside the file system's own first blocks. */
export async function makeCompliantDisk(
  file: string,
  sizeBytes = 64 * MIB,
  dataAt: readonly number[] = [40 * MIB + 7],
): Promise<void> {
  const root = `${file}.root`;
  await mkdir(path.join(root, 'root'), { recursive: true });
  await writeFile(path.join(root, 'root/noise'), randomBytes(300_000));
  await makeDiskOf(root, file, sizeBytes);
  await using disk = await open(file, 'r+');
  for (const offsetBytes of dataAt) await disk.write(randomBytes(70_000), 0, 70_000, offsetBytes);
  await rm(root, { recursive: true });
}

/** A disk whose first partition is ext4 with the files of `root`. @param sizeBytes a multiple of 4096 */
export async function makeDiskOf(root: string, file: string, sizeBytes: number): Promise<void> {
  await using disk = await open(file, 'w');
  await disk.write(partitionTable(sizeBytes));
  await disk.truncate(sizeBytes);
  const options = ['-q', '-F', '-t', 'ext4', '-E', `offset=${PARTITION_OFFSET_BYTES},lazy_itable_init=1`, '-d', root];
  await runCommandOrThrow('mke2fs', [...options, file, `${(sizeBytes - PARTITION_OFFSET_BYTES) / 1024}k`]);
}
