/** Raw frames taken from another disk, of this host or of a peer. Runs in a worker: nothing else may wait for its thread. */
import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { EdgebootError } from '#shared/errors.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/part-layout.ts';
import type { CopyTask, DigestTask, FrameCopy, RawTask } from './disk-tasks.ts';
import { writeSparse } from './write-sparse.ts';

const frame = Buffer.allocUnsafeSlow(FRAME_SIZE_BYTES);

/** What is not, or not any more, what it should be is left out. Throws DISK_FULL, and CANCELED once `mayGoOn` says no. */
export function copyFrames({ fromDescriptor, fileDescriptor, frames }: CopyTask, mayGoOn: () => boolean): boolean[] {
  return frames.map((wanted) => {
    const raw = readFrame(fromDescriptor, wanted.fromOffsetBytes, wanted.rawSizeBytes);
    return writeVerified(raw, wanted, fileDescriptor, mayGoOn);
  });
}

/** Like copyFrames(), of bytes that a peer has sent. */
export function writeRawFrames({ bytes, fileDescriptor, frames }: RawTask, mayGoOn: () => boolean): boolean[] {
  return frames.map((wanted) => {
    const { fromOffsetBytes, rawSizeBytes } = wanted;
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset + fromOffsetBytes, rawSizeBytes);
    return writeVerified(raw, wanted, fileDescriptor, mayGoOn);
  });
}

function writeVerified(raw: Buffer, wanted: FrameCopy, fileDescriptor: number, mayGoOn: () => boolean): boolean {
  if (!mayGoOn()) throw new EdgebootError('CANCELED', 'The transfer was stopped.');
  if (raw.length !== wanted.rawSizeBytes || hash('sha256', raw) !== wanted.rawSha256) return false;
  writeSparse(fileDescriptor, raw, wanted.diskOffsetBytes);
  return true;
}

export function digestFrames({ fileDescriptor, offsetBytes, lengthBytes }: DigestTask): string[] {
  const digests: string[] = [];
  for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += FRAME_SIZE_BYTES) {
    const raw = readFrame(fileDescriptor, at, Math.min(FRAME_SIZE_BYTES, offsetBytes + lengthBytes - at));
    digests.push(hash('sha256', raw));
  }
  return digests;
}

/** Shorter at the end of the file. */
function readFrame(fileDescriptor: number, offsetBytes: number, lengthBytes: number): Buffer {
  let done = 0;
  while (done < lengthBytes) {
    const bytesRead = readSync(fileDescriptor, frame, done, lengthBytes - done, offsetBytes + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return frame.subarray(0, done);
}
