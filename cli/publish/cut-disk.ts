/**
 * Cuts a raw disk into the parts that go to the bucket: 8 MiB each, made of independent zstd frames of 256 KiB. Parts that are all
 * zero are left out, and holes are not even read. Memory is bounded: only a few parts are in flight.
 */
import { createHash, hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { EdgebootError } from '#shared/errors.ts';
import { encodeFrameIndex, type FrameDescription } from '#shared/image/frame-index.ts';
import {
  type DiskDescription,
  FRAME_SIZE_BYTES,
  PART_SIZE_BYTES,
  type PartDescription,
} from '#shared/image/manifest.ts';
import { createDataSeeker, type DataSeeker } from '#shared/host/data-seeker.ts';

const compress = promisify(zstdCompress);
const ZSTD_LEVEL = 3;
/** While one part's frames are compressed in the thread pool, the next one is read. */
const PARTS_IN_FLIGHT = 2;
const ZERO_FRAME = Buffer.alloc(FRAME_SIZE_BYTES);

/** A part with its bytes, ready for the bucket. */
export interface CutPart extends PartDescription {
  readonly bytes: Buffer;
  readonly frames: readonly FrameDescription[];
}

export interface DiskCut {
  /** In order of number; to be iterated once. Reads the disk as it is iterated. */
  readonly parts: AsyncIterable<CutPart>;
  /** What the manifest says of the disk, and the index object's bytes; once all parts were taken. */
  finish(): { readonly disk: DiskDescription; readonly indexBytes: Buffer };
}

/**
 * @param disk open for reading; nobody may write to it meanwhile
 * @param sizeBytes a multiple of 512
 */
export function cutDisk(disk: FileHandle, sizeBytes: number): DiskCut {
  const descriptions: (PartDescription & { readonly frames: readonly FrameDescription[] })[] = [];
  let complete = false;

  async function* cut(): AsyncGenerator<CutPart> {
    for await (const part of inFlight(cutParts(disk, sizeBytes), PARTS_IN_FLIGHT)) {
      if (part === undefined) continue;
      const { number, sha256, sizeBytes: partSizeBytes, frames } = part;
      descriptions.push({ number, sha256, sizeBytes: partSizeBytes, frames });
      yield part;
    }
    complete = true;
  }

  return {
    parts: cut(),
    finish() {
      if (!complete) throw new Error('cutDisk: finish() before all parts were taken');
      const indexBytes = encodeFrameIndex(sizeBytes, descriptions);
      const index = { sha256: hash('sha256', indexBytes), sizeBytes: indexBytes.length };
      const parts = descriptions.map(({ number, sha256, sizeBytes: size }) => ({ number, sha256, sizeBytes: size }));
      return { disk: { sizeBytes, index, parts }, indexBytes };
    },
  };
}

/** Starts a part at each step; the caller bounds how many are under way. */
function* cutParts(disk: FileHandle, sizeBytes: number): Generator<Promise<CutPart | undefined>> {
  const seekData = createDataSeeker(disk.fd);
  for (let number = nextPart(seekData, 0); number !== undefined; number = nextPart(seekData, number + 1)) {
    const offsetBytes = number * PART_SIZE_BYTES;
    if (offsetBytes >= sizeBytes) return;
    yield cutPart(disk, number, Math.min(PART_SIZE_BYTES, sizeBytes - offsetBytes));
  }
}

function nextPart(seekData: DataSeeker, fromNumber: number): number | undefined {
  const dataOffsetBytes = seekData(fromNumber * PART_SIZE_BYTES);
  return dataOffsetBytes === undefined ? undefined : Math.floor(dataOffsetBytes / PART_SIZE_BYTES);
}

/** `undefined` when the part is all zero. */
async function cutPart(disk: FileHandle, number: number, rawSizeBytes: number): Promise<CutPart | undefined> {
  const raw = await readExactly(disk, number * PART_SIZE_BYTES, rawSizeBytes);
  const rawFrames: Buffer[] = [];
  for (let at = 0; at < raw.length; at += FRAME_SIZE_BYTES) rawFrames.push(raw.subarray(at, at + FRAME_SIZE_BYTES));
  if (rawFrames.every((frame) => frame.equals(ZERO_FRAME.subarray(0, frame.length)))) return undefined;

  const compressed = await Promise.all(rawFrames.map(compressFrame));
  const digest = createHash('sha256');
  const frames = compressed.map((frame, i) => {
    digest.update(frame);
    return {
      lengthBytes: frame.length,
      sha256: hash('sha256', frame),
      rawSha256: hash('sha256', rawFrames[i] ?? ''),
    };
  });
  const bytes = Buffer.concat(compressed);
  return { number, sha256: digest.digest('hex'), sizeBytes: bytes.length, bytes, frames };
}

/** With its size told, a frame carries it, and decompresses in one step without a window of its own. */
async function compressFrame(raw: Buffer): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  return compress(raw, { params, pledgedSrcSize: raw.length });
}

async function readExactly(disk: FileHandle, offsetBytes: number, lengthBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(lengthBytes);
  for (let done = 0; done < lengthBytes;) {
    const { bytesRead } = await disk.read(bytes, done, lengthBytes - done, offsetBytes + done);
    if (bytesRead === 0) {
      throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk ended at byte ${offsetBytes + done} while it was read.`);
    }
    done += bytesRead;
  }
  return bytes;
}

/** Runs up to `limit` of the promises ahead of the consumer and yields their results in order. */
async function* inFlight<T>(started: Iterable<Promise<T>>, limit: number): AsyncGenerator<T> {
  const queue: Promise<T>[] = [];
  try {
    for (const promise of started) {
      // A failure is met when its turn comes; until then it must not count as unhandled.
      promise.catch(() => undefined);
      queue.push(promise);
      const head = queue.length < limit ? undefined : queue.shift();
      if (head !== undefined) yield await head;
    }
    for (let head = queue.shift(); head !== undefined; head = queue.shift()) yield await head;
  } finally {
    // The disk may be closed by the caller now: nothing may still read it.
    await Promise.allSettled(queue);
  }
}
