/**
 * Makes a bootable raw disk without mounting anything: an MBR with one partition, GRUB in the gap before it, ext4 or xfs in
 * it. GRUB's boot sector expects its core image in the sectors right behind it, which is where we put it: no installer is needed.
 */
import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { RootFileSystem } from './initramfs.ts';
import { describeTree } from './xfs-prototype.ts';

const SECTOR_BYTES = 512;
const PARTITION_OFFSET_BYTES = 1024 * 1024;
/** The boot sector's code ends where the disk's signature and the partition table begin. */
const BOOT_CODE_BYTES = 440;
const PARTITION_ENTRY_OFFSET = 446;
const LINUX_PARTITION = 0x83;
const ACTIVE = 0x80;
const GRUB_MODULES = ['biosdisk', 'part_msdos', 'linux', 'boot'];
const GRUB_FILE_SYSTEM: Record<RootFileSystem, string> = { ext4: 'ext2', xfs: 'xfs' };
const KERNEL_OPTIONS = 'console=ttyS0 loglevel=4 panic=10 no_timer_check';
/** Run by GRUB's core image itself: no menu, no configuration file, no module from the disk. */
const GRUB_SCRIPT = `set root=(hd0,msdos1)
linux /boot/vmlinuz ${KERNEL_OPTIONS}
initrd /boot/initrd.img
boot
`;

export interface RawDiskOptions {
  /** Folder whose content becomes the file system. */
  readonly root: string;
  readonly diskFile: string;
  /** Apparent size; the file is sparse. */
  readonly sizeBytes: number;
  /** Folder with the unpacked boot loader packages. */
  readonly bootLoader: string;
  readonly fileSystem: RootFileSystem;
}

export async function makeRawDisk(options: RawDiskOptions): Promise<void> {
  const { diskFile, sizeBytes } = options;
  const partitionBytes = sizeBytes - PARTITION_OFFSET_BYTES;
  await writeFile(diskFile, '');
  await truncate(diskFile, sizeBytes);
  if (options.fileSystem === 'xfs') await makeXfs(options, partitionBytes);
  else await makeExt4(options, partitionBytes);
  await installBootLoader(options, partitionBytes);
}

async function makeExt4({ diskFile, root }: RawDiskOptions, partitionBytes: number): Promise<void> {
  const extended = `offset=${PARTITION_OFFSET_BYTES},root_owner=0:0,nodiscard`;
  // 4 KiB blocks, and only features that every guest and tool of the last ten years knows.
  const features = '^metadata_csum_seed,^orphan_file';
  const settings = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-O', features, '-J', 'size=4', '-m', '1', '-L', 'root'];
  await runCommandOrThrow('mke2fs', [
    ...settings,
    ...['-E', extended, '-d', root, diskFile, `${partitionBytes / 1024}k`],
  ]);
}

/** mkfs.xfs knows no offset: the file system is made in a file of its own. Without what the kernels of RHEL 7 cannot read. */
async function makeXfs({ diskFile, root }: RawDiskOptions, partitionBytes: number): Promise<void> {
  const partitionFile = `${diskFile}.partition`;
  const prototype = `${diskFile}.prototype`;
  await writeFile(partitionFile, '');
  await truncate(partitionFile, partitionBytes);
  await writeFile(prototype, await describeTree(root));
  const metadata = 'crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0';
  const settings = ['-q', '-K', '-m', metadata, '-i', 'sparse=0,nrext64=0', '-L', 'root', '-p', prototype];
  await runCommandOrThrow('mkfs.xfs', [...settings, partitionFile]);
  const placed = [`seek=${PARTITION_OFFSET_BYTES}`, 'oflag=seek_bytes', 'bs=64k', 'conv=notrunc,sparse'];
  await runCommandOrThrow('dd', [`if=${partitionFile}`, `of=${diskFile}`, 'status=none', ...placed]);
  await Promise.all([partitionFile, prototype].map((file) => rm(file)));
}

async function installBootLoader(options: RawDiskOptions, partitionBytes: number): Promise<void> {
  const modules = join(options.bootLoader, 'usr/lib/grub/i386-pc');
  const script = `${options.diskFile}.grub.cfg`;
  const coreFile = `${options.diskFile}.grub.core`;
  await writeFile(script, GRUB_SCRIPT);
  await runCommandOrThrow(join(options.bootLoader, 'usr/bin/grub-mkimage'), [
    ...['--directory', modules, '--format', 'i386-pc', '--prefix', '/boot/grub'],
    ...['--config', script, '--output', coreFile, ...GRUB_MODULES, GRUB_FILE_SYSTEM[options.fileSystem]],
  ]);
  const core = await readFile(coreFile);
  if (SECTOR_BYTES + core.length > PARTITION_OFFSET_BYTES) throw new Error('the boot loader does not fit its gap');
  const bootSector = Buffer.alloc(SECTOR_BYTES);
  (await readFile(join(modules, 'boot.img'))).copy(bootSector, 0, 0, BOOT_CODE_BYTES);
  writePartitionTable(bootSector, partitionBytes);
  const disk = await open(options.diskFile, 'r+');
  try {
    await disk.write(bootSector, 0, bootSector.length, 0);
    await disk.write(core, 0, core.length, SECTOR_BYTES);
  } finally {
    await disk.close();
  }
  await Promise.all([script, coreFile].map((file) => rm(file)));
}

function writePartitionTable(bootSector: Buffer, partitionBytes: number): void {
  bootSector.writeUInt8(ACTIVE, PARTITION_ENTRY_OFFSET);
  bootSector.writeUInt8(LINUX_PARTITION, PARTITION_ENTRY_OFFSET + 4);
  bootSector.writeUInt32LE(PARTITION_OFFSET_BYTES / SECTOR_BYTES, PARTITION_ENTRY_OFFSET + 8);
  bootSector.writeUInt32LE(partitionBytes / SECTOR_BYTES, PARTITION_ENTRY_OFFSET + 12);
  bootSector.writeUInt16LE(0xaa55, 510);
}
