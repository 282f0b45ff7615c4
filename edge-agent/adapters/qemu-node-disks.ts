/** The disks of nodes with QEMU's tools: qcow2 overlays, filled before their first boot. */
import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { runCommand } from '#shared/host/run-command.ts';
import { readFirstPartition, type DiskReader, type Partition } from '#shared/image/partition-table.ts';
import { identifyFileSystem, notPersonalizable, SUPERBLOCK_BYTES, type FileSystem } from '../core/debugfs.ts';
import type { NodeDisks } from '../ports.ts';
import { openExtFileSystem } from './ext-file-system.ts';
import { withOverlayExport } from './overlay-export.ts';

export function createQemuNodeDisks(): NodeDisks {
  return {
    createOverlay: async (backingFile, overlayFile) => {
      // A path that starts with a slash is never taken for a protocol of QEMU's.
      if (!isAbsolute(backingFile) || !isAbsolute(overlayFile)) throw new Error('paths of disks must be absolute');
      const args = ['create', '-q', '-f', 'qcow2', '-b', backingFile, '-F', 'raw', overlayFile];
      const { exitCode, stderr } = await runCommand('qemu-img', args);
      if (exitCode === 0) return;
      const isFull = stderr.includes('No space left on device');
      const text = `qemu-img cannot make an overlay: ${stderr.trim()}`;
      throw isFull ? new EdgebootError('DISK_FULL', text) : new Error(text);
    },

    personalize: (overlayFile, files) =>
      withOverlayExport(overlayFile, async (overlay) => {
        const { partition, fileSystem } = await lookAt(overlay.diskFile);
        if (fileSystem.kind === 'xfs') {
          throw notPersonalizable(
            'the first partition holds xfs, which this version cannot personalize without mounting it on the host; use ext4',
          );
        }
        if (fileSystem.kind === 'other') throw notPersonalizable('the first partition holds no ext2, ext3 or ext4');
        const partitionFile = await overlay.exportPartition(partition.offsetBytes, partition.sizeBytes);
        const root = openExtFileSystem(partitionFile, overlay.workDirectory);
        if (fileSystem.needsRecovery) await root.repair();
        await root.moveStaleAside();
        await root.writeFiles(files);
      }),
  };
}

async function lookAt(diskFile: string): Promise<{ partition: Partition; fileSystem: FileSystem }> {
  const disk = await open(diskFile, 'r');
  try {
    const read: DiskReader = async (offset, lengthBytes) => {
      const { buffer, bytesRead } = await disk.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offset);
      return buffer.subarray(0, bytesRead);
    };
    const partition = await readFirstPartition(read);
    const { size: diskBytes } = await disk.stat();
    if (partition.offsetBytes + partition.sizeBytes > diskBytes) {
      throw notPersonalizable('the first partition ends beyond the end of the disk');
    }
    return { partition, fileSystem: identifyFileSystem(await read(partition.offsetBytes, SUPERBLOCK_BYTES)) };
  } finally {
    await disk.close();
  }
}
