/** The rest of the host needs space, too: a transfer whose size nobody knows beforehand stops before the file system is full. */
import { statfs } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';

const RESERVE_BYTES = 256 * 1024 * 1024;
/** How much may be written between two looks at what is free. */
const CHECK_EVERY_BYTES = 64 * 1024 * 1024;

/** @returns to be told of all that is written below `directory`. It throws DISK_FULL. */
export function watchSpace(directory: string): (writtenBytes: number) => Promise<void> {
  let uncheckedBytes = CHECK_EVERY_BYTES;
  return async (writtenBytes) => {
    uncheckedBytes += writtenBytes;
    if (uncheckedBytes < CHECK_EVERY_BYTES) return;
    uncheckedBytes = 0;
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize >= RESERVE_BYTES) return;
    throw new EdgebootError('DISK_FULL', `Less than ${RESERVE_BYTES / 1024 ** 2} MiB are free beside the image.`);
  };
}
