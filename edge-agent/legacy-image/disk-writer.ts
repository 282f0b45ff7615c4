/** The sparse file that a disk grows in, until it is whole and gets its final name. */
import { constants, type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { identifyContainer } from '#shared/image/disk-content.ts';
import type { DiskReader } from '#shared/image/partition-table.ts';
import { writeSparse } from '../transfer/unpack-frames.ts';
import { asDiskError } from '../disk-errors.ts';
import { ensureDirectory, syncFolderOf } from '../durable-files.ts';
import { MAX_DISK_BYTES } from './remote-file.ts';

/** The rest of the host needs space, too. */
const RESERVE_BYTES = 256 * 1024 * 1024;
/** How much may be written between two looks at what is free. */
const CHECK_EVERY_BYTES = 64 * 1024 * 1024;
const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;

export class DiskWriter implements AsyncDisposable {
  readonly #file: string;
  readonly #handle: FileHandle;
  #uncheckedBytes = CHECK_EVERY_BYTES;

  private constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  /** Replaces what an earlier run may have left. Throws DISK_FULL. */
  static async create(file: string): Promise<DiskWriter> {
    try {
      await ensureDirectory(dirname(file), 0o711);
      return new DiskWriter(file, await open(file, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600));
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /**
   * Zeros stay holes. What lies there already must be zero. Throws DISK_FULL; IMAGE_NOT_COMPLIANT beyond the largest disk,
   * and where the disk begins like another format.
   */
  async write(raw: Buffer, offsetBytes: number): Promise<void> {
    if (offsetBytes + raw.length > MAX_DISK_BYTES) {
      throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk has more than ${MAX_DISK_BYTES} bytes.`);
    }
    // The earliest moment to see that it is no raw disk: the rest need not be fetched.
    if (offsetBytes === 0) await requireRaw(raw);
    this.#uncheckedBytes += raw.length;
    if (this.#uncheckedBytes >= CHECK_EVERY_BYTES) {
      this.#uncheckedBytes = 0;
      await this.#requireSpace();
    }
    writeSparse(this.#handle.fd, raw, offsetBytes);
  }

  async #requireSpace(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#file);
    if (bavail * bsize >= RESERVE_BYTES) return;
    throw new EdgebootError('DISK_FULL', `Less than ${RESERVE_BYTES / 1024 ** 2} MiB are free beside the image.`);
  }

  /** Forgets all that was written. */
  async startAnew(): Promise<void> {
    await this.#handle.truncate(0);
  }

  /** Zeros at the end of the disk were never written. Throws DISK_FULL. */
  async setSize(sizeBytes: number): Promise<void> {
    await this.#handle.truncate(sizeBytes).catch((error: unknown) => {
      throw asDiskError(error);
    });
  }

  readonly read: DiskReader = async (offsetBytes, lengthBytes) => {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes);
    return buffer.subarray(0, bytesRead);
  };

  /** Gives it its final name, which may be there already with the same content. Throws DISK_FULL. */
  async finish(finalFile: string): Promise<void> {
    try {
      await ensureDirectory(dirname(finalFile), 0o711);
      await this.#handle.datasync();
      // Every node of every cluster reads it; nobody writes to it.
      await this.#handle.chmod(0o444);
      await rename(this.#file, finalFile);
      await syncFolderOf(finalFile);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** What has no final name is removed: its space is given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    await rm(this.#file, { force: true });
  }
}

async function requireRaw(beginning: Buffer): Promise<void> {
  const read: DiskReader = (offsetBytes, lengthBytes) =>
    Promise.resolve(beginning.subarray(offsetBytes, offsetBytes + lengthBytes));
  const container = await identifyContainer(read, beginning.length);
  if (container === undefined) return;
  throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk is ${container}, not a raw disk.`);
}
