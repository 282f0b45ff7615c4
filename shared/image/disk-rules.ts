/** The rules of the image standard for a disk, in a person's words, and what to do about each way to break one. */

export type DiskRule = 'size' | 'raw-format' | 'partition-table' | 'root-file-system';

/** In the order in which they are checked. */
export const DISK_RULES: Readonly<Record<DiskRule, string>> = {
  size: 'not empty, a multiple of 512 bytes, at most 512 GiB',
  'raw-format': 'one raw disk, told by its content and never by its name',
  'partition-table': 'an MBR or GPT with at least one partition',
  'root-file-system': 'the first partition is / on ext2, ext3, ext4 or xfs: no LVM, no RAID, no encryption',
};

/** Each with the beginning of what was found (see disk-content.ts); the first that fits is taken. */
const CONTAINER_REMEDIES: readonly (readonly [found: RegExp, remedy: string])[] = [
  [/^a qcow2|^a VMDK image/, 'Make a raw disk of it: edgeboot image import FILE --output DISK.raw'],
  [/^a VMDK descriptor/, 'Its data lies in other files. Where they are: qemu-img convert -f vmdk -O raw FILE DISK.raw'],
  [/^gzip/, 'Decompress it: gunzip'],
  [/^xz/, 'Decompress it: unxz'],
  [/^zstd/, 'Decompress it: unzstd'],
  [/^bzip2/, 'Decompress it: bunzip2'],
  [/^lz4/, 'Decompress it: unlz4'],
  [/^a zip/, 'Unpack it: unzip'],
  [/^an ISO/, 'A medium to install from is no installed disk: install the system on an empty raw disk, and take that.'],
];
const OTHER_CONTAINER = 'Convert it where it was made: qemu-img convert -O raw FILE DISK.raw';

const CONTENT_REMEDIES: readonly (readonly [found: RegExp, remedy: string])[] = [
  [
    /LVM/,
    'Install the system without LVM ("standard partition"), / first; or copy / to a plain partition of a new disk.',
  ],
  [/RAID|ZFS|btrfs|bcache/, 'Install the system on one plain partition with ext4 or xfs, / first.'],
  [/LUKS/, 'Install the system without encryption: an image is protected on its way by its signature and its grants.'],
  [/swap/, 'Make / the first partition, and swap a later one; or do without swap.'],
  [
    /FAT/,
    'It may be an EFI system partition: nodes boot by BIOS. Install the system in BIOS mode, / on the first partition.',
  ],
  [/NTFS/, 'The system must be Linux.'],
  [/journal/, 'Keep the journal inside the file system: mke2fs -j, without an external journal.'],
];
const OTHER_CONTENT = 'Install the system on the first partition, with ext4 or xfs.';

const remedyIn = (table: typeof CONTAINER_REMEDIES, found: string, otherwise: string): string =>
  table.find(([pattern]) => pattern.test(found))?.[1] ?? otherwise;

export const containerRemedy = (found: string): string => remedyIn(CONTAINER_REMEDIES, found, OTHER_CONTAINER);
export const contentRemedy = (found: string): string => remedyIn(CONTENT_REMEDIES, found, OTHER_CONTENT);
