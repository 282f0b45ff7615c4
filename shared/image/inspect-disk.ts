/**
 * The image standard, checked against a disk: raw, a partition table, and a plain Linux file system in the first partition.
 * Used when an image is published, and again at the site before it is booted.
 */
import { EdgebootError, hasCode } from '../errors.ts';
import { identifyContainer, identifyContent } from './disk-content.ts';
import { containerRemedy, contentRemedy, type DiskRule } from './disk-rules.ts';
import { MAX_PARTS, PART_SIZE_BYTES } from './manifest.ts';
import { type DiskReader, type Partition, readFirstPartition, readPartitionTable } from './partition-table.ts';

export type { DiskRule };

export interface DiskFinding {
  readonly rule: DiskRule;
  readonly ok: boolean;
  /** What was found, for a person. */
  readonly message: string;
  /** What to do, where it is not right. */
  readonly remedy?: string;
}

/** One finding for each rule, in order. A rule that cannot be checked because an earlier one failed is left out. */
export type DiskFindings = readonly DiskFinding[];

export const MAX_DISK_BYTES = MAX_PARTS * PART_SIZE_BYTES;

/** @param read reads within the disk; errors of the device pass through */
export async function inspectDisk(read: DiskReader, sizeBytes: number): Promise<DiskFindings> {
  const size = checkSize(sizeBytes);
  const container = await identifyContainer(read, sizeBytes);
  if (container !== undefined) {
    return [size, fail('raw-format', `the disk is ${container}, not a raw disk`, containerRemedy(container))];
  }
  const raw = pass('raw-format', 'a raw disk');
  const partitionTable = await checkPartitionTable(read, sizeBytes);
  if (!partitionTable.ok) return [size, raw, partitionTable];
  return [size, raw, partitionTable, await checkRootFileSystem(read, sizeBytes)];
}

/** Throws IMAGE_NOT_COMPLIANT, naming every rule that is broken, and what to do about the last one: the others may follow from it. */
export function requireCompliant(findings: DiskFindings): void {
  const broken = findings.filter((finding) => !finding.ok);
  if (broken.length === 0) return;
  const remedy = broken.at(-1)?.remedy;
  const message = broken.map((finding) => finding.message).join('; ');
  throw new EdgebootError('IMAGE_NOT_COMPLIANT', message, remedy === undefined ? {} : { remedy });
}

function checkSize(sizeBytes: number): DiskFinding {
  if (sizeBytes === 0) return fail('size', 'the disk is empty', 'Give the file that holds the disk.');
  if (sizeBytes % 512 !== 0) {
    const remedy = 'It may have been cut off: copy it again. Else fill it up: truncate --size %512 DISK.raw';
    return fail('size', `the disk has ${sizeBytes} bytes, which is no multiple of 512`, remedy);
  }
  if (sizeBytes > MAX_DISK_BYTES) {
    const remedy = 'Make its file systems and partitions smaller, then the disk.';
    return fail('size', `the disk has ${sizeBytes} bytes, more than ${MAX_DISK_BYTES}`, remedy);
  }
  return pass('size', `${sizeBytes} bytes`);
}

async function checkPartitionTable(read: DiskReader, sizeBytes: number): Promise<DiskFinding> {
  try {
    const { kind, partitions } = await readPartitionTable(read);
    if (partitions.length === 0) return fail('partition-table', 'the partition table is empty', MAKE_PARTITION);
    return pass('partition-table', `${kind.toUpperCase()} with ${partitions.length} partition(s)`);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw error;
    const whole = await identifyContent(read, { offsetBytes: 0, sizeBytes });
    return fail('partition-table', `${error.message}; as a whole it holds ${whole.name}`, MAKE_PARTITION);
  }
}

async function checkRootFileSystem(read: DiskReader, sizeBytes: number): Promise<DiskFinding> {
  const rule = 'root-file-system';
  let first: Partition;
  try {
    first = await readFirstPartition(read);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw error;
    return fail(rule, error.message, MAKE_PARTITION);
  }
  if (first.offsetBytes + first.sizeBytes > sizeBytes) {
    const remedy = 'The disk was cut off: copy it again, all of it.';
    return fail(rule, 'the first partition lies beyond the end of the disk', remedy);
  }
  const content = await identifyContent(read, first);
  if (content.kind === 'file-system') return pass(rule, `the first partition holds ${content.name}`);
  return fail(
    rule,
    `the first partition holds ${content.name}, not ext2, ext3, ext4 or xfs`,
    contentRemedy(content.name),
  );
}

const MAKE_PARTITION =
  'Put a partition table on the disk, and the system into its first partition, with a boot loader for BIOS.';

const pass = (rule: DiskRule, message: string): DiskFinding => ({ rule, ok: true, message });
const fail = (rule: DiskRule, message: string, remedy: string): DiskFinding => ({ rule, ok: false, message, remedy });
