/** Disks with a file system of the host's own making, for tests that personalize them. */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { applianceOptions } from './appliance.ts';

const MIB = 1024 * 1024;
/** Where the first partition begins. */
export const PARTITION_OFFSET_BYTES = MIB;
export const PARTITIONED_DISK_BYTES = 32 * MIB;

export interface PartitionedDisk {
  readonly backingFile: string;
  readonly overlayFile: string;
}

/** A disk whose first partition holds the files of `root`; an overlay on it. */
export async function makePartitionedDisk(
  directory: string,
  root: string,
  fileSystem: readonly string[],
): Promise<PartitionedDisk> {
  const backingFile = join(directory, 'base.raw');
  const overlayFile = join(directory, 'node.qcow2');
  await writeFile(backingFile, partitionTable(PARTITIONED_DISK_BYTES));
  await truncate(backingFile, PARTITIONED_DISK_BYTES);
  const size = `${(PARTITIONED_DISK_BYTES - MIB) / 1024}k`;
  const where = ['-E', `offset=${PARTITION_OFFSET_BYTES}`, '-d', root];
  await runCommandOrThrow('mke2fs', ['-q', '-F', ...fileSystem, ...where, backingFile, size]);
  await createQemuNodeDisks(applianceOptions(directory)).createOverlay(
    backingFile,
    overlayFile,
    new AbortController().signal,
  );
  return { backingFile, overlayFile };
}

/** An MBR with one partition, up to the end of the disk. */
export function partitionTable(diskBytes: number): Buffer {
  const table = Buffer.alloc(512);
  table.writeUInt8(0x83, 450);
  table.writeUInt32LE(PARTITION_OFFSET_BYTES / 512, 454);
  table.writeUInt32LE((diskBytes - PARTITION_OFFSET_BYTES) / 512, 458);
  table.writeUInt16LE(0xaa55, 510);
  return table;
}

/** As after a crash: a transaction in the file system's journal that was never written to its place. */
export async function leaveInJournal(backingFile: string, workDirectory: string): Promise<void> {
  const block = join(workDirectory, 'block');
  const script = join(workDirectory, 'script');
  await writeFile(block, Buffer.alloc(4096, 'j'));
  await writeFile(script, ['journal_open', `journal_write -b 5000 ${block}`, 'journal_close', ''].join('\n'));
  await runCommandOrThrow('debugfs', ['-w', '-f', script, `${backingFile}?offset=${PARTITION_OFFSET_BYTES}`]);
}
