/**
 * The frame index of a disk: length and digests of every frame, so that a site can fetch one frame by range and verify it. It is
 * the object `images/<imageId>/indexes/<sha256>`. It describes the disk's whole content (size, position of each part, digest of
 * each frame), so its digest names the disk, and caches may be shared among images by it.
 *
 * Layout, all integers little-endian:
 *
 *     header  magic "EBFI" · version u32 · disk size u64 · frame size u32 · number of parts u32
 *     part    number u32, then its frames (32, or fewer at the end of the disk)
 *     frame   compressed length u32 · SHA-256 of the compressed frame · SHA-256 of the raw frame
 */
import { createHash } from 'node:crypto';
import { EdgebootError } from '../errors.ts';
import {
  type DiskDescription,
  FRAME_SIZE_BYTES,
  FRAMES_PER_PART,
  PART_SIZE_BYTES,
  type PartDescription,
} from './manifest.ts';

const MAGIC = Buffer.from('EBFI', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 24;
const PART_HEADER_BYTES = 4;
const DIGEST_BYTES = 32;
const FRAME_ROW_BYTES = 4 + 2 * DIGEST_BYTES;
/** zstd's own bound for data that it cannot compress (ZSTD_COMPRESSBOUND). */
export const MAX_COMPRESSED_FRAME_BYTES = FRAME_SIZE_BYTES + (FRAME_SIZE_BYTES >> 8);

/** Digests are lower-case hex. */
export interface FrameDescription {
  readonly lengthBytes: number;
  readonly sha256: string;
  readonly rawSha256: string;
}

/** A frame that is stored in a part. */
export interface StoredFrame extends FrameDescription {
  readonly frameNumber: number;
  readonly part: PartDescription;
  /** Where the compressed frame begins in its part. */
  readonly objectOffsetBytes: number;
  /** Where the raw frame begins on the disk. */
  readonly diskOffsetBytes: number;
  readonly rawSizeBytes: number;
}

/** Frames of a disk of this size, stored or zero. The last one may be shorter than FRAME_SIZE_BYTES. */
export function countFrames(diskSizeBytes: number): number {
  return Math.ceil(diskSizeBytes / FRAME_SIZE_BYTES);
}

/** Frames of one part: FRAMES_PER_PART, or fewer at the end of the disk. */
export function countFramesOfPart(partNumber: number, diskSizeBytes: number): number {
  return Math.min(FRAMES_PER_PART, countFrames(diskSizeBytes - partNumber * PART_SIZE_BYTES));
}

export interface IndexedPart {
  readonly number: number;
  readonly frames: readonly FrameDescription[];
}

/** @param parts in order of number, as in the manifest */
export function encodeFrameIndex(diskSizeBytes: number, parts: readonly IndexedPart[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 4);
  header.writeBigUInt64LE(BigInt(diskSizeBytes), 8);
  header.writeUInt32LE(FRAME_SIZE_BYTES, 16);
  header.writeUInt32LE(parts.length, 20);
  return Buffer.concat([header, ...parts.map(encodePart)]);
}

function encodePart(part: IndexedPart): Buffer {
  const rows = Buffer.alloc(PART_HEADER_BYTES + part.frames.length * FRAME_ROW_BYTES);
  rows.writeUInt32LE(part.number);
  part.frames.forEach((frame, i) => {
    const row = PART_HEADER_BYTES + i * FRAME_ROW_BYTES;
    rows.writeUInt32LE(frame.lengthBytes, row);
    rows.write(frame.sha256, row + 4, 'hex');
    rows.write(frame.rawSha256, row + 4 + DIGEST_BYTES, 'hex');
  });
  return rows;
}

/** A verified index. Digests stay in the bytes that were read: an index may describe two million frames. */
export class FrameIndex {
  readonly frameCount: number;
  readonly #bytes: Buffer;
  readonly #diskSizeBytes: number;
  /** By part number: the part, and where its first row begins. */
  readonly #parts: ReadonlyMap<number, { readonly part: PartDescription; readonly rowOffset: number }>;

  private constructor(bytes: Buffer, disk: DiskDescription) {
    this.#bytes = bytes;
    this.#diskSizeBytes = disk.sizeBytes;
    this.frameCount = countFrames(disk.sizeBytes);
    this.#parts = readParts(bytes, disk);
  }

  /**
   * The only way to an index: `bytes` must be what the (signed) disk description names.
   * Throws PART_CORRUPT when they are not, MANIFEST_UNTRUSTED when index and description contradict each other.
   */
  static decode(bytes: Buffer, disk: DiskDescription): FrameIndex {
    if (
      bytes.length !== disk.index.sizeBytes ||
      createHash('sha256').update(bytes).digest('hex') !== disk.index.sha256
    ) {
      throw new EdgebootError('PART_CORRUPT', 'The frame index does not match its digest.');
    }
    return new FrameIndex(bytes, disk);
  }

  /** Finds a frame of the disk; `zero` where its part was left out. Throws RangeError beyond the end of the disk. */
  locate(frameNumber: number): StoredFrame | 'zero' {
    if (!(frameNumber >= 0 && frameNumber < this.frameCount)) {
      throw new RangeError(`frame ${frameNumber} of a disk of ${this.frameCount} frames`);
    }
    const stored = this.#parts.get(Math.floor(frameNumber / FRAMES_PER_PART));
    if (stored === undefined) return 'zero';
    const inPart = frameNumber % FRAMES_PER_PART;
    let objectOffsetBytes = 0;
    for (let i = 0; i < inPart; i++) {
      objectOffsetBytes += this.#bytes.readUInt32LE(stored.rowOffset + i * FRAME_ROW_BYTES);
    }
    const row = stored.rowOffset + inPart * FRAME_ROW_BYTES;
    const diskOffsetBytes = frameNumber * FRAME_SIZE_BYTES;
    return {
      frameNumber,
      part: stored.part,
      objectOffsetBytes,
      diskOffsetBytes,
      rawSizeBytes: Math.min(FRAME_SIZE_BYTES, this.#diskSizeBytes - diskOffsetBytes),
      lengthBytes: this.#bytes.readUInt32LE(row),
      sha256: this.#bytes.toString('hex', row + 4, row + 4 + DIGEST_BYTES),
      rawSha256: this.#bytes.toString('hex', row + 4 + DIGEST_BYTES, row + FRAME_ROW_BYTES),
    };
  }
}

/**
 * The frames of a disk by what they hold, from an index that nobody vouches for: of another disk, say, of which only that is of use.
 * Stops where it is no index any more.
 */
export function* rawFramesOf(bytes: Buffer): Generator<{ readonly frameNumber: number; readonly rawSha256: string }> {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 4).equals(MAGIC) || bytes.readUInt32LE(4) !== VERSION) return;
  const diskSizeBytes = Number(bytes.readBigUInt64LE(8));
  for (let position = HEADER_BYTES; position + PART_HEADER_BYTES <= bytes.length;) {
    const partNumber = bytes.readUInt32LE(position);
    const frameCount = countFramesOfPart(partNumber, diskSizeBytes);
    position += PART_HEADER_BYTES;
    for (let i = 0; i < frameCount && position + FRAME_ROW_BYTES <= bytes.length; i++) {
      const rawSha256 = bytes.toString('hex', position + 4 + DIGEST_BYTES, position + FRAME_ROW_BYTES);
      yield { frameNumber: partNumber * FRAMES_PER_PART + i, rawSha256 };
      position += FRAME_ROW_BYTES;
    }
  }
}

function readParts(bytes: Buffer, disk: DiskDescription): Map<number, { part: PartDescription; rowOffset: number }> {
  const contradiction = (what: string): never => {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `The frame index contradicts the manifest: ${what}.`);
  };
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) contradiction('it is no frame index');
  if (bytes.readUInt32LE(4) !== VERSION) contradiction(`its version is ${bytes.readUInt32LE(4)}, not ${VERSION}`);
  if (bytes.readBigUInt64LE(8) !== BigInt(disk.sizeBytes)) contradiction('the size of the disk differs');
  if (bytes.readUInt32LE(16) !== FRAME_SIZE_BYTES) contradiction('the size of a frame differs');
  if (bytes.readUInt32LE(20) !== disk.parts.length) contradiction('the number of parts differs');

  const parts = new Map<number, { part: PartDescription; rowOffset: number }>();
  let position = HEADER_BYTES;
  for (const part of disk.parts) {
    const frameCount = countFramesOfPart(part.number, disk.sizeBytes);
    const rowOffset = position + PART_HEADER_BYTES;
    const end = rowOffset + frameCount * FRAME_ROW_BYTES;
    if (end > bytes.length) contradiction('it ends too early');
    if (bytes.readUInt32LE(position) !== part.number) contradiction(`part ${part.number} is missing`);
    let sumBytes = 0;
    for (let row = rowOffset; row < end; row += FRAME_ROW_BYTES) {
      const lengthBytes = bytes.readUInt32LE(row);
      if (lengthBytes === 0 || lengthBytes > MAX_COMPRESSED_FRAME_BYTES) {
        contradiction(`part ${part.number} has a frame of ${lengthBytes} bytes`);
      }
      sumBytes += lengthBytes;
    }
    if (sumBytes !== part.sizeBytes) {
      contradiction(`the frames of part ${part.number} are ${sumBytes} bytes, the part is ${part.sizeBytes}`);
    }
    parts.set(part.number, { part, rowOffset });
    position = end;
  }
  if (position !== bytes.length) contradiction('it is too long');
  return parts;
}
