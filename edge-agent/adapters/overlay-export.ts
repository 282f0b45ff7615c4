/**
 * Shows the disk behind an overlay as raw files, without any mount of the guest's file system: qemu-storage-daemon serves it
 * through FUSE. The daemon has a mount namespace of its own and dies with us, so that neither a process nor a mount is ever left;
 * we reach its files through /proc/PID/root.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStorageDaemon, type StorageDaemon } from './storage-daemon.ts';

export interface OverlayExport {
  /** The whole disk, for reading. */
  readonly diskFile: string;
  /** For temporary files; nobody else writes there. */
  readonly workDirectory: string;
  /** A piece of the disk as a file of its own, for reading and writing. Throws when it does not lie within the disk. */
  exportPartition(offsetBytes: number, sizeBytes: number): Promise<string>;
}

/** @param use the files end with it; what was written is in the overlay when the promise resolves. */
export async function withOverlayExport<Result>(
  overlayFile: string,
  use: (overlay: OverlayExport) => Promise<Result>,
): Promise<Result> {
  const workDirectory = await mkdtemp(join(tmpdir(), 'edgeboot-disk-'));
  try {
    const daemon = await startStorageDaemon();
    let result: Result;
    try {
      result = await use(await exportOverlay(daemon, overlayFile, workDirectory));
    } catch (error) {
      await daemon.kill();
      throw error;
    }
    await daemon.quit();
    return result;
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}

async function exportOverlay(
  daemon: StorageDaemon,
  overlayFile: string,
  workDirectory: string,
): Promise<OverlayExport> {
  const show = async (nodeName: string, writable: boolean): Promise<string> => {
    const mountPoint = join(workDirectory, nodeName);
    await writeFile(mountPoint, '', { mode: 0o600 });
    await daemon.execute('block-export-add', {
      ...{ type: 'fuse', id: nodeName, 'node-name': nodeName, mountpoint: mountPoint, writable },
    });
    return `/proc/${daemon.pid}/root${mountPoint}`;
  };
  await daemon.execute('blockdev-add', {
    'node-name': 'disk',
    driver: 'qcow2',
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', filename: overlayFile },
  });
  return {
    diskFile: await show('disk', false),
    workDirectory,
    exportPartition: async (offsetBytes, sizeBytes) => {
      // A window of QEMU's, since e2fsck forgets an offset that it is given once it has replayed a journal (1.47.0).
      const window = { driver: 'raw', offset: offsetBytes, size: sizeBytes, file: 'disk' };
      await daemon.execute('blockdev-add', { 'node-name': 'partition', ...window });
      return show('partition', true);
    },
  };
}
