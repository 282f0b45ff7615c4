/**
 * The image standard, checked against a disk: raw, a partition table, and a plain Linux file system in the first partition.
 * Used when an image is published, and again at the site before it is booted.
 */
import { EdgebootError, hasCode } from '../errors.ts';
import { identifyContainer, identifyContent } from './disk-content.ts';
import { MAX_PARTS, PART_SIZE_BYTES } from './manifest.ts';
import { type DiskReader, type Partition, readFirstPartition, readPartitionTable } from './partition-table.ts';

export type DiskRule = 'size' | 'raw-format' | 'partition-table' | 'root-file-system';

export interface DiskFinding {
  readonly rule: DiskRule;
  readonly ok: boolean;
  /** What was found, for a person. */
  readonly message: string;
}

/** One finding for each rule, in order. A rule that cannot be checked because an earlier one failed is left out. */
export type DiskFindings = readonly DiskFinding[];

const MAX_DISK_BYTES = MAX_PARTS * PART_SIZE_BYTES;

/** @param read reads within the disk; errors of the device pass through */
export async function inspectDisk(read: DiskReader, sizeBytes: number): Promise<DiskFindings> {
  const size = checkSize(sizeBytes);
  const container = await identifyContainer(read, sizeBytes);
  if (container !== undefined) {
    return [size, fail('raw-format', `the disk is ${container}, not a raw disk`)];
  }
  const raw = pass('raw-format', 'a raw disk');
  const partitionTable = await checkPartitionTable(read, sizeBytes);
  if (!partitionTable.ok) return [size, raw, partitionTable];
  return [size, raw, partitionTable, await checkRootFileSystem(read, sizeBytes)];
}

/** Throws IMAGE_NOT_COMPLIANT, naming every rule that is broken. */
export function requireCompliant(findings: DiskFindings): void {
  const broken = findings.filter((finding) => !finding.ok);
  if (broken.length === 0) return;
  throw new EdgebootError('IMAGE_NOT_COMPLIANT', broken.map((finding) => finding.message).join('; '));
}

function checkSize(sizeBytes: number): DiskFinding {
  if (sizeBytes === 0) return fail('size', 'the disk is empty');
  if (sizeBytes % 512 !== 0) return fail('size', `the disk has ${sizeBytes} bytes, which is no multiple of 512`);
  if (sizeBytes > MAX_DISK_BYTES) return fail('size', `the disk has ${sizeBytes} bytes, more than ${MAX_DISK_BYTES}`);
  return pass('size', `${sizeBytes} bytes`);
}

async function checkPartitionTable(read: DiskReader, sizeBytes: number): Promise<DiskFinding> {
  try {
    const { kind, partitions } = await readPartitionTable(read);
    if (partitions.length === 0) return fail('partition-table', 'the partition table is empty');
    return pass('partition-table', `${kind.toUpperCase()} with ${partitions.length} partition(s)`);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw error;
    const whole = await identifyContent(read, { offsetBytes: 0, sizeBytes });
    return fail('partition-table', `${error.message}; as a whole it holds ${whole.name}`);
  }
}

async function checkRootFileSystem(read: DiskReader, sizeBytes: number): Promise<DiskFinding> {
  const rule = 'root-file-system';
  let first: Partition;
  try {
    first = await readFirstPartition(read);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw error;
    return fail(rule, error.message);
  }
  if (first.offsetBytes + first.sizeBytes > sizeBytes) {
    return fail(rule, 'the first partition lies beyond the end of the disk');
  }
  const content = await identifyContent(read, first);
  return content.kind === 'file-system'
    ? pass(rule, `the first partition holds ${content.name}`)
    : fail(rule, `the first partition holds ${content.name}, not ext2, ext3, ext4 or xfs`);
}

const pass = (rule: DiskRule, message: string): DiskFinding => ({ rule, ok: true, message });
const fail = (rule: DiskRule, message: string): DiskFinding => ({ rule, ok: false, message });
