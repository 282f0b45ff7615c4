/** Answers a request from an open file of this host: for every repository whose bytes lie in one. */
import type { FileHandle } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest } from '../ports.ts';
import { limitOf, resolveRange } from './http-answer.ts';

/** An abort is heard between two reads of this size. */
const READ_BYTES = 4 * 1024 * 1024;

/** Where in the open file the requested file lies; all of it unless given. */
export interface Place {
  readonly startBytes: number;
  readonly sizeBytes: number;
}

/** Throws PART_CORRUPT where the file has another size than declared, or ends before the range does. */
export async function readRange(
  handle: FileHandle,
  request: ObjectRequest,
  signal: AbortSignal,
  place?: Place,
): Promise<FetchedObject> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  const { startBytes, sizeBytes } = place ?? { startBytes: 0, sizeBytes: Number(size) };
  const { offsetBytes, lengthBytes } = requireRange(request, sizeBytes);
  const { into } = request;
  const isFitting = into !== undefined && into.length >= lengthBytes;
  const bytes = isFitting ? into.subarray(0, lengthBytes) : Buffer.allocUnsafeSlow(lengthBytes);
  for (let done = 0; done < lengthBytes;) {
    signal.throwIfAborted();
    const chunkBytes = Math.min(READ_BYTES, lengthBytes - done);
    const { bytesRead } = await handle.read(bytes, done, chunkBytes, startBytes + offsetBytes + done);
    if (bytesRead === 0) throw new EdgebootError('PART_UNAVAILABLE', `${request.path}: it became shorter meanwhile`);
    done += bytesRead;
    request.onBytes?.(bytesRead);
  }
  const delivery = { edgeLocation: undefined, cacheHit: undefined };
  return { bytes, sizeBytes, version: `${mtimeNs}-${size}`, delivery };
}

function requireRange(request: ObjectRequest, sizeBytes: number): { offsetBytes: number; lengthBytes: number } {
  const { path, range } = request;
  if (request.sizeBytes !== undefined && request.sizeBytes !== sizeBytes) {
    throw new EdgebootError('PART_CORRUPT', `${path}: it has ${sizeBytes} bytes instead of ${request.sizeBytes}`);
  }
  if (range === undefined && sizeBytes > limitOf(request)) {
    throw new EdgebootError('PART_CORRUPT', `${path}: its ${sizeBytes} bytes are more than such a file may have`);
  }
  const asked = resolveRange(range, sizeBytes);
  if (asked.offsetBytes + asked.lengthBytes <= sizeBytes) return asked;
  throw new EdgebootError('PART_CORRUPT', `${path}: it is shorter than what was asked for`);
}
