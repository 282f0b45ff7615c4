/** Reads pieces of a raw disk: holes are not even read. */
import type { OpenedDisk } from '../publish/open-disk.ts';
import { createDataSeeker } from '#shared/host/data-seeker.ts';
import { EdgebootError } from '#shared/errors.ts';

const BLOCK_BYTES = 1024 * 1024;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

export interface DiskBlock {
  /** Counts from the start of the disk. */
  readonly offsetBytes: number;
  readonly bytes: Buffer;
}

/** The blocks between two offsets that are not all zero, in order. Throws IMAGE_NOT_COMPLIANT where the disk ends before. */
export async function* dataBlocks({ handle }: OpenedDisk, from: number, end: number): AsyncGenerator<DiskBlock> {
  const seekData = createDataSeeker(handle.fd);
  for (let at = seekData(from); at !== undefined && at < end; at = seekData(at)) {
    const { bytesRead, buffer } = await handle.read(
      Buffer.allocUnsafeSlow(BLOCK_BYTES),
      0,
      Math.min(BLOCK_BYTES, end - at),
      at,
    );
    if (bytesRead === 0)
      throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk ended at byte ${at} while it was read.`);
    const bytes = buffer.subarray(0, bytesRead);
    if (!bytes.equals(ZERO_BLOCK.subarray(0, bytesRead))) yield { offsetBytes: at, bytes };
    at += bytesRead;
  }
}

/** All bytes between two offsets. */
export async function* allBytes(disk: OpenedDisk, from: number, end: number): AsyncGenerator<Buffer> {
  let at = from;
  for await (const { offsetBytes, bytes } of dataBlocks(disk, from, end)) {
    yield* zeros(offsetBytes - at);
    yield bytes;
    at = offsetBytes + bytes.length;
  }
  yield* zeros(end - at);
}

export function* zeros(lengthBytes: number): Generator<Buffer> {
  for (let left = lengthBytes; left > 0; left -= BLOCK_BYTES) yield ZERO_BLOCK.subarray(0, Math.min(BLOCK_BYTES, left));
}

/** Nothing but a hole, as far as one can tell without reading. */
export function isHole({ handle }: OpenedDisk, from: number, end: number): boolean {
  const data = createDataSeeker(handle.fd)(from);
  return data === undefined || data >= end;
}
