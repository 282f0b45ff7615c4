/** Disks with xfs, made with mkfs.xfs; and looks into them with a kernel of their own: the host's never sees them. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { openAppliance } from '../../edge-agent/adapters/appliance/open-appliance.ts';
import { runAppliance } from '../../edge-agent/adapters/appliance/run-appliance.ts';
import { withOverlayExport } from '../../edge-agent/adapters/overlay-export.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { applianceOptions } from './appliance.ts';
import { PARTITION_OFFSET_BYTES, partitionTable, type PartitionedDisk } from './partitioned-disk.ts';

const MIB = 1024 * 1024;
const XFS_BYTES = 64 * MIB;
const DISK_BYTES = PARTITION_OFFSET_BYTES + XFS_BYTES;
const NEVER = new AbortController().signal;

/**
 * @param prototype what mkfs.xfs fills the root folder with, a line each: mkfs.xfs(8), option -p.
 * @param spoil changes the file system, in a file of its own.
 */
export async function makeXfsDisk(
  directory: string,
  prototype: readonly string[],
  spoil: (fileSystem: string) => Promise<void> = () => Promise.resolve(),
): Promise<PartitionedDisk> {
  await mkdir(directory, { recursive: true });
  const [prototypeFile, fileSystem] = [join(directory, 'prototype'), join(directory, 'xfs')];
  await writeFile(prototypeFile, ['/dev/null', '0 0', 'd--755 0 0', ...prototype, '$', ''].join('\n'));
  const where = ['-d', `file,name=${fileSystem},size=${XFS_BYTES}`];
  // Smaller than mkfs.xfs would have it, for a production system.
  await runCommandOrThrow('mkfs.xfs', ['--unsupported', '-q', '-f', '-p', prototypeFile, ...where]);
  await spoil(fileSystem);
  const disk = await wrapXfs(directory, fileSystem);
  await Promise.all([rm(prototypeFile), rm(fileSystem)]);
  return disk;
}

/** A disk whose first partition is this file. */
export async function wrapXfs(directory: string, fileSystem: string): Promise<PartitionedDisk> {
  const [backingFile, overlayFile] = [join(directory, 'base.raw'), join(directory, 'node.qcow2')];
  await writeFile(backingFile, partitionTable(DISK_BYTES));
  await truncate(backingFile, DISK_BYTES);
  const blocks = ['bs=1M', `seek=${PARTITION_OFFSET_BYTES / MIB}`, 'conv=sparse,notrunc', 'status=none'];
  await runCommandOrThrow('dd', [`if=${fileSystem}`, `of=${backingFile}`, ...blocks]);
  await createQemuNodeDisks(applianceOptions(directory)).createOverlay(backingFile, overlayFile, NEVER);
  return { backingFile, overlayFile };
}

/** The partition behind an overlay, as a file. */
export async function copyXfs(overlayFile: string, into: string): Promise<void> {
  await withOverlayExport(overlayFile, NEVER, async ({ diskFile }) => {
    await pipeline(createReadStream(diskFile, { start: PARTITION_OFFSET_BYTES }), createWriteStream(into));
  });
}

/** Fills a piece of a file with bytes that mean nothing. */
export async function scribble(file: string, offsetBytes: number, lengthBytes: number): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(lengthBytes, 0xa5), 0, lengthBytes, offsetBytes);
}

/**
 * Boots the appliance's kernel with a script of the test's own, which finds the file system at /guest. What it leaves mounted is
 * cut off, as when the power fails.
 * @returns its console.
 */
export async function runWithXfs(overlayFile: string, directory: string, script: string): Promise<string> {
  await using appliance = await openAppliance(applianceOptions(directory), NEVER);
  const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
mount -t xfs /dev/vda /guest
${script}
reboot -n -f
`;
  return await withOverlayExport(overlayFile, NEVER, async (overlay) => {
    const { workDirectory } = overlay;
    const partition = await overlay.exportPartition(PARTITION_OFFSET_BYTES, XFS_BYTES);
    const changes = join(workDirectory, 'changes');
    await mkdir(changes);
    await writeFile(join(changes, 'init'), init);
    await chmod(join(changes, 'init'), 0o755);
    const archive = join(workDirectory, 'initramfs');
    await runCommandOrThrow('busybox', ['cpio', '-o', '-H', 'newc', '-F', archive], {
      input: 'init\n',
      workingDirectory: changes,
    });
    // The kernel unpacks one archive after the other: the last one to bring a file wins.
    const whole = join(workDirectory, 'whole');
    const base = Buffer.alloc((await appliance.initramfs.stat()).size);
    await appliance.initramfs.read(base, 0, base.length, 0);
    await using handle = await open(archive, 'r');
    await writeFile(whole, Buffer.concat([base, await handle.readFile()]));
    await chmod(whole, 0o644);
    for (const name of ['task', 'answer']) await writeFile(join(workDirectory, name), Buffer.alloc(4096));
    for (const name of ['task', 'answer']) await chmod(join(workDirectory, name), 0o666);
    await using initramfs = await open(whole, 'r');
    const run = { partition, task: 'task', answer: 'answer', workDirectory, acceleration: 'emulation' } as const;
    const { console } = await runAppliance({ ...appliance, initramfs }, run, NEVER);
    return console.replaceAll('\r', '');
  });
}
