/** The disks of nodes with QEMU's tools: qcow2 overlays, filled before their first boot. */
import { open, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { readFirstPartition, type DiskReader, type Partition } from '#shared/image/partition-table.ts';
import { Limiter } from '../transfer/limiter.ts';
import {
  CLOUD_INIT_PROGRAM,
  identifyFileSystem,
  notPersonalizable,
  SUPERBLOCK_BYTES,
  type FileSystem,
} from '../core/debugfs.ts';
import { diskFullIn } from '../disk-errors.ts';
import type { NodeDisks } from '../ports.ts';
import { writeWithAppliance, type ApplianceOptions } from './appliance/appliance-file-system.ts';
import { createCloudInitSeed } from './cloud-init-seed.ts';
import { runDiskTool } from './disk-tool.ts';
import { openExtFileSystem } from './ext-file-system.ts';
import { withOverlayExport } from './overlay-export.ts';

const CANNOT_MAKE = 'qemu-img cannot make an overlay';

/** @param options of the VM that writes into xfs. */
export function createQemuNodeDisks(options: ApplianceOptions): NodeDisks {
  const applianceTurn = new Limiter(availableParallelism);
  return {
    createOverlay: async (backingFile, overlayFile, signal) => {
      // A path that starts with a slash is never taken for a protocol of QEMU's.
      if (!isAbsolute(backingFile) || !isAbsolute(overlayFile)) throw new Error('paths of disks must be absolute');
      const args = ['create', '-q', '-f', 'qcow2', '-b', backingFile, '-F', 'raw', overlayFile];
      try {
        const { exitCode, stderr } = await runDiskTool('qemu-img', args, signal);
        if (exitCode === 0) return;
        throw diskFullIn(stderr, CANNOT_MAKE) ?? new Error(`${CANNOT_MAKE}: ${stderr.trim()}`);
      } catch (error) {
        await rm(overlayFile, { force: true });
        throw error;
      }
    },

    personalize: (overlayFile, files, signal) =>
      withOverlayExport(overlayFile, signal, async (overlay) => {
        const { partition, fileSystem } = await lookAt(overlay.diskFile);
        if (fileSystem.kind === 'other') {
          throw notPersonalizable('the first partition holds no ext2, ext3, ext4 or xfs');
        }
        const device = await overlay.exportPartition(partition.offsetBytes, partition.sizeBytes);
        if (fileSystem.kind === 'xfs') {
          const { workDirectory } = overlay;
          return applianceTurn.run(() =>
            writeWithAppliance({ partition: device, workDirectory }, files, options, signal),
          );
        }
        const root = openExtFileSystem(device, overlay.workDirectory, signal);
        if (fileSystem.needsRecovery) await root.repair();
        await root.moveStaleAside();
        await root.writeFiles(files);
        return { hasCloudInit: await root.isPlainFile(CLOUD_INIT_PROGRAM) };
      }),

    createSeed: createCloudInitSeed,
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
