/**
 * Tells by content what a disk image or a partition is; names and types of files and partitions are never believed. Reads a few
 * kilobytes, mounts nothing.
 */
import type { DiskReader } from './partition-table.ts';

/** A value that stands at a fixed place; negative offsets count from the end. */
interface Signature {
  readonly name: string;
  readonly offsetBytes: number;
  readonly bytes: Buffer;
}

const signature = (name: string, offsetBytes: number, bytes: string | readonly number[]): Signature => ({
  name,
  offsetBytes,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes),
});

/** What a file may be instead of a raw disk. The offsets are those of each format's specification. */
const CONTAINER_SIGNATURES = [
  signature('a qcow2 image', 0, 'QFI\xfb'),
  signature('a QED image', 0, 'QED\0'),
  signature('a VMDK image', 0, 'KDMV'),
  signature('a VMDK image', 0, 'COWD'),
  signature('a VMDK descriptor', 0, '# Disk DescriptorFile'),
  signature('a VDI image', 64, [0x7f, 0x10, 0xda, 0xbe]),
  signature('a VHDX image', 0, 'vhdxfile'),
  signature('a VHD image', 0, 'conectix'),
  signature('a VHD image', -512, 'conectix'),
  signature('an ISO 9660 image', 32_769, 'CD001'),
  signature('gzip-compressed', 0, [0x1f, 0x8b]),
  signature('xz-compressed', 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
  signature('zstd-compressed', 0, [0x28, 0xb5, 0x2f, 0xfd]),
  signature('bzip2-compressed', 0, 'BZh'),
  signature('lz4-compressed', 0, [0x04, 0x22, 0x4d, 0x18]),
  signature('a zip archive', 0, 'PK\x03\x04'),
];

/** What a partition may hold beside a plain Linux file system. */
const STORAGE_SIGNATURES = [
  signature('a LUKS volume', 0, 'LUKS\xba\xbe'),
  // An LVM label lies in one of the first four sectors.
  ...[0, 512, 1024, 1536].map((offsetBytes) => signature('an LVM physical volume', offsetBytes, 'LABELONE')),
  // Version 1.1 of the MD superblock lies at the start, 1.2 at 4 KiB.
  ...[0, 4096].map((offsetBytes) => signature('a member of an MD RAID', offsetBytes, [0xfc, 0x4e, 0x2b, 0xa9])),
  signature('btrfs', 0x10040, '_BHRfS_M'),
  // The swap header ends a page, whose size depends on the machine that made it.
  ...[4096, 8192, 16_384, 65_536].flatMap((pageBytes) => [
    signature('swap space', pageBytes - 10, 'SWAPSPACE2'),
    signature('swap space', pageBytes - 10, 'SWAP-SPACE'),
  ]),
  signature('bcachefs or bcache', 4120, [0xc6, 0x85, 0x73, 0xf6]),
  signature('f2fs', 1024, [0x10, 0x20, 0xf5, 0xf2]),
  signature('NTFS', 3, 'NTFS    '),
  signature('exFAT', 3, 'EXFAT   '),
  signature('a FAT file system', 82, 'FAT32   '),
  signature('a FAT file system', 54, 'FAT1'),
  signature('squashfs', 0, 'hsqs'),
];
const XFS_SIGNATURE = signature('xfs', 0, 'XFSB');
const EXT_SUPERBLOCK_OFFSET = 1024;
const EXT_MAGIC = 0xef53;
const EXT_INCOMPATIBLE_JOURNAL_DEVICE = 0x8;
const EXT_INCOMPATIBLE_EXTENTS = 0x40;
const EXT_COMPATIBLE_JOURNAL = 0x4;

const KIB = 1024;
const MD_MAGIC = 0xa92b4efc;
const ZFS_UBERBLOCK_MAGIC = 0x00bab10cn;

/** A part of a disk: all of it, or a partition. */
export interface Extent {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Name of the container or compression that the file is in; `undefined` where it may be a raw disk. */
export async function identifyContainer(read: DiskReader, sizeBytes: number): Promise<string | undefined> {
  return findSignature(read, { offsetBytes: 0, sizeBytes }, CONTAINER_SIGNATURES);
}

export type PartitionContent =
  | { readonly kind: 'file-system'; readonly name: 'ext2' | 'ext3' | 'ext4' | 'xfs' }
  | { readonly kind: 'other'; readonly name: string };

/**
 * What an extent holds. Volumes and RAID members are looked for first: a mirror keeps a whole file system at its start, and
 * would pass for one.
 */
export async function identifyContent(read: DiskReader, extent: Extent): Promise<PartitionContent> {
  const other =
    (await findSignature(read, extent, STORAGE_SIGNATURES)) ??
    ((await isMdMemberByItsEnd(read, extent)) ? 'a member of an MD RAID' : undefined) ??
    ((await isZfsMember(read, extent)) ? 'a member of a ZFS pool' : undefined);
  if (other !== undefined) return { kind: 'other', name: other };
  if (await matches(read, extent, XFS_SIGNATURE)) return { kind: 'file-system', name: 'xfs' };
  return (await identifyExt(read, extent)) ?? { kind: 'other', name: 'no file system that is known' };
}

async function identifyExt(read: DiskReader, extent: Extent): Promise<PartitionContent | undefined> {
  const superblock = await readWithin(read, extent, EXT_SUPERBLOCK_OFFSET, KIB);
  if (superblock?.readUInt16LE(56) !== EXT_MAGIC) return undefined;
  const compatible = superblock.readUInt32LE(92);
  const incompatible = superblock.readUInt32LE(96);
  if ((incompatible & EXT_INCOMPATIBLE_JOURNAL_DEVICE) !== 0)
    return { kind: 'other', name: 'the journal of an ext file system' };
  const withoutExtents = (compatible & EXT_COMPATIBLE_JOURNAL) === 0 ? 'ext2' : 'ext3';
  return { kind: 'file-system', name: (incompatible & EXT_INCOMPATIBLE_EXTENTS) === 0 ? withoutExtents : 'ext4' };
}

/** MD superblocks of versions 0.90 (last whole 64 KiB but one, either byte order) and 1.0 (8 KiB before the end). */
async function isMdMemberByItsEnd(read: DiskReader, extent: Extent): Promise<boolean> {
  const oldOffset = Math.floor(extent.sizeBytes / (64 * KIB)) * 64 * KIB - 64 * KIB;
  const newOffset = Math.floor((extent.sizeBytes - 8 * KIB) / (4 * KIB)) * 4 * KIB;
  const old = await readWithin(read, extent, oldOffset, 4);
  const recent = await readWithin(read, extent, newOffset, 4);
  return old?.readUInt32LE() === MD_MAGIC || old?.readUInt32BE() === MD_MAGIC || recent?.readUInt32LE() === MD_MAGIC;
}

/** A ZFS label (256 KiB, two at the start) keeps its uberblocks in its second half, one a kilobyte or more, either byte order. */
async function isZfsMember(read: DiskReader, extent: Extent): Promise<boolean> {
  for (const labelOffset of [0, 256 * KIB]) {
    const uberblocks = await readWithin(read, extent, labelOffset + 128 * KIB, 128 * KIB);
    if (uberblocks === undefined) return false;
    for (let at = 0; at < uberblocks.length; at += KIB) {
      const magic = [uberblocks.readBigUInt64LE(at), uberblocks.readBigUInt64BE(at)];
      if (magic.includes(ZFS_UBERBLOCK_MAGIC)) return true;
    }
  }
  return false;
}

async function findSignature(
  read: DiskReader,
  extent: Extent,
  signatures: readonly Signature[],
): Promise<string | undefined> {
  for (const candidate of signatures) {
    if (await matches(read, extent, candidate)) return candidate.name;
  }
  return undefined;
}

async function matches(read: DiskReader, extent: Extent, { offsetBytes, bytes }: Signature): Promise<boolean> {
  const from = offsetBytes < 0 ? extent.sizeBytes + offsetBytes : offsetBytes;
  return (await readWithin(read, extent, from, bytes.length))?.equals(bytes) ?? false;
}

/** `undefined` where the extent, or the disk, ends before. */
async function readWithin(
  read: DiskReader,
  extent: Extent,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Buffer | undefined> {
  if (offsetBytes < 0 || offsetBytes + lengthBytes > extent.sizeBytes) return undefined;
  const bytes = await read(extent.offsetBytes + offsetBytes, lengthBytes);
  return bytes.length === lengthBytes ? bytes : undefined;
}
