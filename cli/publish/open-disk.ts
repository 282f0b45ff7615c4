/** Opens a disk file and checks it against the image standard. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { type DiskFindings, inspectDisk } from '#shared/image/inspect-disk.ts';
import type { DiskReader } from '#shared/image/partition-table.ts';
import { seekEnd } from '#shared/host/data-seeker.ts';

export interface OpenedDisk {
  readonly file: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly findings: DiskFindings;
}

/** Throws USAGE where it is no file or block device that can be read. The caller closes the handle. */
export async function openDisk(file: string): Promise<OpenedDisk> {
  // Without O_NONBLOCK a named pipe that nobody writes to would hold us for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read the disk: ${messageOf(error)}`);
  });
  try {
    const sizeBytes = await sizeOf(handle, file);
    return { file, handle, sizeBytes, findings: await inspectDisk(readerOf(handle), sizeBytes) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads less only where the file ends. */
export function readerOf(handle: FileHandle): DiskReader {
  return async (offsetBytes, lengthBytes) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes);
    return buffer.subarray(0, bytesRead);
  };
}

async function sizeOf(handle: FileHandle, file: string): Promise<number> {
  const stat = await handle.stat();
  if (stat.isFile()) return stat.size;
  const sizeBytes = stat.isBlockDevice() ? seekEnd(handle.fd) : undefined;
  if (sizeBytes !== undefined) return sizeBytes;
  throw new EdgebootError('USAGE', `cannot read the disk: ${file} is neither a regular file nor a block device`);
}
