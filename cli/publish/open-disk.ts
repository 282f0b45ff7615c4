/** Opens a disk file and checks it against the image standard. */
import { type FileHandle, open } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { type DiskFindings, inspectDisk } from '#shared/image/inspect-disk.ts';

export interface OpenedDisk {
  readonly file: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly findings: DiskFindings;
}

/** Throws USAGE where it cannot be read. The caller closes the handle. */
export async function openDisk(file: string): Promise<OpenedDisk> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read the disk: ${messageOf(error)}`);
  });
  try {
    const { size: sizeBytes } = await handle.stat();
    const read = async (offsetBytes: number, lengthBytes: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes);
      return buffer.subarray(0, bytesRead);
    };
    return { file, handle, sizeBytes, findings: await inspectDisk(read, sizeBytes) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
