/** Reads a disk of the cache back, and digests it block by block. Holes are not read: their digest is that of zeros. */
import { hash, webcrypto } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createDataSeeker } from '#shared/host/data-seeker.ts';
import { eachOf } from '../transfer/each-of.ts';

export interface DigestOptions {
  readonly sizeBytes: number;
  /** The last block is shorter where this does not divide the size. */
  readonly blockBytes: number;
  readonly signal: AbortSignal;
}

/** At least one block is read at once, and as many as fit into this. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** @param tell called for each block, in whatever order; the digest in lower-case hex. Throws what reading throws. */
export async function digestDisk(
  disk: FileHandle,
  { sizeBytes, blockBytes, signal }: DigestOptions,
  tell: (block: number, sha256: string) => void,
): Promise<void> {
  const pieceBytes = Math.max(1, Math.floor(PIECE_BYTES / blockBytes)) * blockBytes;
  const pieces = Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, (_, i) => i * pieceBytes);
  const seekData = createDataSeeker(disk.fd);
  const digestOfZeros = zeroDigests();
  const isHole = (offsetBytes: number, end: number): boolean => (seekData(offsetBytes) ?? Infinity) >= end;
  await eachOf(pieces, availableParallelism(), signal, async (offsetBytes) => {
    const lengthBytes = Math.min(pieceBytes, sizeBytes - offsetBytes);
    const bytes = isHole(offsetBytes, offsetBytes + lengthBytes)
      ? undefined
      : await readAll(disk, offsetBytes, lengthBytes);
    for (let at = 0; at < lengthBytes; at += blockBytes) {
      const end = Math.min(at + blockBytes, lengthBytes);
      const isZero = bytes === undefined || isHole(offsetBytes + at, offsetBytes + end);
      tell((offsetBytes + at) / blockBytes, isZero ? digestOfZeros(end - at) : await digest(bytes.subarray(at, end)));
    }
  });
}

/** Digests of so many zeros, each made once. */
export function zeroDigests(): (lengthBytes: number) => string {
  const known = new Map<number, string>();
  return (lengthBytes) => {
    const sha256 = known.get(lengthBytes) ?? hash('sha256', Buffer.alloc(lengthBytes));
    known.set(lengthBytes, sha256);
    return sha256;
  };
}

async function readAll(disk: FileHandle, offsetBytes: number, lengthBytes: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.allocUnsafeSlow(lengthBytes);
  for (let done = 0; done < lengthBytes;) {
    const { bytesRead } = await disk.read(bytes, done, lengthBytes - done, offsetBytes + done);
    if (bytesRead === 0) throw new Error('the disk is shorter than it should be');
    done += bytesRead;
  }
  return bytes;
}

/** In the thread pool: several CPUs work on one disk. */
async function digest(bytes: Buffer<ArrayBuffer>): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}
