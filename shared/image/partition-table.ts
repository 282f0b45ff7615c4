/**
 * Reads the partition table of a raw disk: MBR with logical partitions, or GPT (UEFI specification, chapter 5). Pure: the bytes
 * come through a function, so the same parser serves a file, an overlay's export and frames fetched on demand. Nothing that the
 * table says is trusted: sizes, counts and chains are bounded.
 */
import { EdgebootError } from '../errors.ts';

/** Reads `lengthBytes` from `offsetBytes` of the disk on; a shorter answer means that the disk ends there. */
export type DiskReader = (offsetBytes: number, lengthBytes: number) => Promise<Buffer>;

export interface Partition {
  /** Counts from 1, as the kernel names them; logical partitions from 5 on. */
  readonly number: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** MBR: two hex digits (`83`). GPT: the type's GUID in lower case. */
  readonly type: string;
}

export interface PartitionTable {
  readonly kind: 'mbr' | 'gpt';
  /** In the table's own order; unused entries are left out. */
  readonly partitions: readonly Partition[];
}

const SECTOR_BYTES = 512;
const MBR_ENTRIES_OFFSET = 446;
const MBR_ENTRY_BYTES = 16;
const MBR_ENTRY_COUNT = 4;
const BOOT_SIGNATURE = 0xaa55;
const PROTECTIVE_TYPE = 'ee';
const EXTENDED_TYPES = new Set(['05', '0f', '85']);
const MAX_LOGICAL_PARTITIONS = 64;
const GPT_SIGNATURE = 'EFI PART';
const GPT_UNUSED_TYPE = '00000000-0000-0000-0000-000000000000';
const MAX_GPT_ENTRIES = 1024;
const MAX_GPT_ENTRY_BYTES = 4096;

/** @throws EdgebootError IMAGE_NOT_COMPLIANT when there is no table, or when it cannot be true. */
export async function readPartitionTable(read: DiskReader): Promise<PartitionTable> {
  const firstSector = await readSector(read, 0);
  if (firstSector.readUInt16LE(510) !== BOOT_SIGNATURE) throw notCompliant('the disk has no partition table');
  const primary = mbrEntries(firstSector);
  if (primary.some((entry) => entry.type === PROTECTIVE_TYPE)) return readGpt(read);
  const partitions: Partition[] = [];
  for (const entry of primary) {
    if (EXTENDED_TYPES.has(entry.type)) partitions.push(...(await readLogicalPartitions(read, entry.startSector)));
    else partitions.push(toPartition(entry, entry.number, 0));
  }
  return { kind: 'mbr', partitions };
}

/**
 * The partition that holds `/` by the image standard: number 1.
 * @throws EdgebootError IMAGE_NOT_COMPLIANT when the disk has none.
 */
export async function readFirstPartition(read: DiskReader): Promise<Partition> {
  const { partitions } = await readPartitionTable(read);
  const first = partitions.find((partition) => partition.number === 1);
  if (first === undefined) throw notCompliant('the disk has no first partition');
  return first;
}

interface MbrEntry {
  readonly number: number;
  readonly type: string;
  readonly startSector: number;
  readonly sectorCount: number;
}

function mbrEntries(sector: Buffer): MbrEntry[] {
  const entries: MbrEntry[] = [];
  for (let i = 0; i < MBR_ENTRY_COUNT; i += 1) {
    const at = MBR_ENTRIES_OFFSET + i * MBR_ENTRY_BYTES;
    const type = sector.readUInt8(at + 4);
    const sectorCount = sector.readUInt32LE(at + 12);
    if (type === 0 || sectorCount === 0) continue;
    entries.push({
      number: i + 1,
      type: type.toString(16).padStart(2, '0'),
      startSector: sector.readUInt32LE(at + 8),
      sectorCount,
    });
  }
  return entries;
}

/** `baseSector` is 0 for primary partitions; logical ones count from their own boot record. */
function toPartition(entry: MbrEntry, number: number, baseSector: number): Partition {
  const startSector = baseSector + entry.startSector;
  if (startSector === 0) throw notCompliant(`partition ${number} starts at the partition table`);
  return {
    number,
    offsetBytes: startSector * SECTOR_BYTES,
    sizeBytes: entry.sectorCount * SECTOR_BYTES,
    type: entry.type,
  };
}

/** Follows the chain of extended boot records; each link counts from the start of the extended partition. */
async function readLogicalPartitions(read: DiskReader, extendedSector: number): Promise<Partition[]> {
  const partitions: Partition[] = [];
  let recordSector = extendedSector;
  for (let i = 0; i < MAX_LOGICAL_PARTITIONS; i += 1) {
    const record = await readSector(read, recordSector);
    if (record.readUInt16LE(510) !== BOOT_SIGNATURE) throw notCompliant('the extended partition is damaged');
    const entries = mbrEntries(record);
    const logical = entries.find((entry) => !EXTENDED_TYPES.has(entry.type));
    if (logical !== undefined) partitions.push(toPartition(logical, MBR_ENTRY_COUNT + 1 + i, recordSector));
    const next = entries.find((entry) => EXTENDED_TYPES.has(entry.type));
    if (next === undefined) return partitions;
    recordSector = extendedSector + next.startSector;
  }
  throw notCompliant(`the extended partition holds more than ${MAX_LOGICAL_PARTITIONS} partitions`);
}

async function readGpt(read: DiskReader): Promise<PartitionTable> {
  const header = await readSector(read, 1);
  if (header.toString('latin1', 0, 8) !== GPT_SIGNATURE) throw notCompliant('the GPT header is missing');
  const entriesSector = header.readBigUInt64LE(72);
  const entryCount = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  const isPlausible = entryCount <= MAX_GPT_ENTRIES && entryBytes >= 128 && entryBytes <= MAX_GPT_ENTRY_BYTES;
  if (!isPlausible) throw notCompliant('the GPT header is damaged');
  const lengthBytes = entryCount * entryBytes;
  const entries = await read(sectorsToBytes(entriesSector), lengthBytes);
  if (entries.length < lengthBytes) throw notCompliant('the GPT lies beyond the end of the disk');

  const partitions: Partition[] = [];
  for (let i = 0; i < entryCount; i += 1) {
    const entry = entries.subarray(i * entryBytes, (i + 1) * entryBytes);
    const type = readGuid(entry);
    if (type === GPT_UNUSED_TYPE) continue;
    const firstSector = entry.readBigUInt64LE(32);
    const lastSector = entry.readBigUInt64LE(40);
    if (firstSector === 0n || lastSector < firstSector) throw notCompliant(`partition ${i + 1} has no extent`);
    partitions.push({
      number: i + 1,
      offsetBytes: sectorsToBytes(firstSector),
      sizeBytes: sectorsToBytes(lastSector - firstSector + 1n),
      type,
    });
  }
  return { kind: 'gpt', partitions };
}

/** The first three fields of a GUID are little-endian on disk. */
function readGuid(entry: Buffer): string {
  const hex = (bytes: Buffer): string => bytes.toString('hex');
  const reversed = (from: number, to: number): string => hex(Buffer.from(entry.subarray(from, to)).reverse());
  return [reversed(0, 4), reversed(4, 6), reversed(6, 8), hex(entry.subarray(8, 10)), hex(entry.subarray(10, 16))].join(
    '-',
  );
}

function sectorsToBytes(sectors: bigint): number {
  const bytes = sectors * BigInt(SECTOR_BYTES);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw notCompliant('the partition table points beyond any disk');
  return Number(bytes);
}

async function readSector(read: DiskReader, number: number): Promise<Buffer> {
  const sector = await read(number * SECTOR_BYTES, SECTOR_BYTES);
  if (sector.length < SECTOR_BYTES) throw notCompliant('the partition table lies beyond the end of the disk');
  return sector;
}

function notCompliant(what: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', what);
}
