/**
 * Shows the disk behind an overlay as raw files, without any mount of the guest's file system: qemu-storage-daemon serves it
 * through FUSE. The daemon has a mount namespace of its own and dies with us, so that neither a process nor a mount is ever left;
 * we reach its files through /proc/PID/root.
 */
import { chmod, chown, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import { asDiskError } from '../disk-errors.ts';
import { CONFINED_ID } from './disk-tool.ts';
import { startStorageDaemon, type StorageDaemon } from './storage-daemon.ts';

export interface OverlayExport {
  /** The whole disk, for reading. */
  readonly diskFile: string;
  /**
   * Beside the overlay, for temporary files; as the daemon sees it, with its files in it. Nobody else writes there; confined
   * programs may read there what they know the name of.
   */
  readonly workDirectory: string;
  /**
   * A piece of the disk as a file of its own, which confined programs may read and write.
   * @returns its name in the work directory.
   * @throws Error when it does not lie within the disk.
   */
  exportPartition(offsetBytes: number, sizeBytes: number): Promise<string>;
}

/** The owner's alone, and passable for the group, which what is made inside inherits. */
const WORK_DIRECTORY_MODE = 0o2710;
/** What personalizing writes at most, but for an image with much to repair: some clusters of qcow2, 64 KiB each. */
const NEEDED_BYTES = 1024 * 1024;

/**
 * @param use the files end with it; what was written is in the overlay when the promise resolves.
 * @throws EdgebootError DISK_FULL, PREREQUISITE_MISSING; the signal's reason when it was aborted.
 */
export async function withOverlayExport<Result>(
  overlayFile: string,
  signal: AbortSignal,
  use: (overlay: OverlayExport) => Promise<Result>,
): Promise<Result> {
  try {
    return await exportWhile(overlayFile, signal, use);
  } catch (error) {
    // What broke because we ended the daemon is no news.
    signal.throwIfAborted();
    throw (await becauseOfFullDisk(error, dirname(overlayFile))) ?? asDiskError(error);
  }
}

async function exportWhile<Result>(
  overlayFile: string,
  signal: AbortSignal,
  use: (overlay: OverlayExport) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  // Where recovery finds it, should we be killed.
  const workDirectory = await mkdtemp(join(dirname(overlayFile), '.personalize-'));
  try {
    await chown(workDirectory, 0, CONFINED_ID);
    await chmod(workDirectory, WORK_DIRECTORY_MODE);
    const daemon = await startStorageDaemon(signal);
    try {
      const result = await use(await exportOverlay(daemon, overlayFile, workDirectory));
      await daemon.quit();
      return result;
    } finally {
      await daemon.kill();
    }
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}

async function exportOverlay(
  daemon: StorageDaemon,
  overlayFile: string,
  workDirectory: string,
): Promise<OverlayExport> {
  const seenByDaemon = join(`/proc/${daemon.pid}/root`, workDirectory);
  const show = async (nodeName: string, writable: boolean): Promise<string> => {
    const mountPoint = join(workDirectory, nodeName);
    await writeFile(mountPoint, '', { mode: 0o600 });
    await daemon.execute('block-export-add', {
      ...{ type: 'fuse', id: nodeName, 'node-name': nodeName, mountpoint: mountPoint, writable, 'allow-other': 'on' },
    });
    return join(seenByDaemon, nodeName);
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
    workDirectory: seenByDaemon,
    exportPartition: async (offsetBytes, sizeBytes) => {
      // A window of QEMU's, since e2fsck forgets an offset that it is given once it has replayed a journal (1.47.0).
      const window = { driver: 'raw', offset: offsetBytes, size: sizeBytes, file: 'disk' };
      await daemon.execute('blockdev-add', { 'node-name': 'partition', ...window });
      await chown(await show('partition', true), CONFINED_ID, CONFINED_ID);
      return 'partition';
    },
  };
}

/**
 * Not every tool says why it could not write (e2fsck calls the file system damaged). Where there is no room left, nothing is held
 * against the image.
 */
async function becauseOfFullDisk(error: unknown, directory: string): Promise<EdgebootError | undefined> {
  if (hasCode(error) && error.code !== 'IMAGE_NOT_COMPLIANT') return undefined;
  const { bfree, bsize } = await statfs(directory);
  if (bfree * bsize >= NEEDED_BYTES) return undefined;
  return new EdgebootError('DISK_FULL', `${messageOf(error)}; the disk has no room left`, { cause: error });
}
