/** Writes raw bytes into a sparse file: blocks of zero stay holes. */
import { writeSync } from 'node:fs';
import { asDiskError } from '../disk-errors.ts';

/** Blocks of zero of this size, aligned to it, stay holes. */
const SPARSE_BLOCK_BYTES = 64 * 1024;
const ZERO_BLOCK = Buffer.alloc(SPARSE_BLOCK_BYTES);

/**
 * Writes what is not zero, neighboring blocks together. Whatever the file has there must be zero, or the same bytes. Blocks: nothing
 * else may wait for its thread. Throws DISK_FULL, another error of the file system.
 */
export function writeSparse(fileDescriptor: number, raw: Buffer, diskOffsetBytes: number): void {
  let dataFrom: number | undefined;
  for (let at = 0; at < raw.length;) {
    const next = Math.min(raw.length, at + SPARSE_BLOCK_BYTES - ((diskOffsetBytes + at) % SPARSE_BLOCK_BYTES));
    const isZero = raw.compare(ZERO_BLOCK, 0, next - at, at, next) === 0;
    if (!isZero) dataFrom ??= at;
    else if (dataFrom !== undefined) {
      writeFully(fileDescriptor, raw.subarray(dataFrom, at), diskOffsetBytes + dataFrom);
      dataFrom = undefined;
    }
    at = next;
  }
  if (dataFrom !== undefined) writeFully(fileDescriptor, raw.subarray(dataFrom), diskOffsetBytes + dataFrom);
}

function writeFully(fileDescriptor: number, bytes: Buffer, offsetBytes: number): void {
  try {
    for (let done = 0; done < bytes.length;) {
      done += writeSync(fileDescriptor, bytes, done, bytes.length - done, offsetBytes + done);
    }
  } catch (error) {
    throw asDiskError(error);
  }
}
