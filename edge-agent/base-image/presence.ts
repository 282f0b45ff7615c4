/** The presence map of a disk: which frames are here and verified. Pure; presence-file.ts keeps it on disk. */
import { createHash } from 'node:crypto';
import { countFrames } from '#shared/image/frame-index.ts';
import { type DiskDescription, FRAMES_PER_PART } from '#shared/image/manifest.ts';

const MAGIC = Buffer.from('EBPM', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 8;
const DIGEST_BYTES = 32;

export class Presence {
  readonly frameCount: number;
  readonly #bits: Uint8Array;
  #presentCount = 0;

  /** Frames of parts that were left out are there from the start: they are holes. */
  constructor(disk: DiskDescription) {
    this.frameCount = countFrames(disk.sizeBytes);
    this.#bits = new Uint8Array(Math.ceil(this.frameCount / 8)).fill(0xff);
    this.#presentCount = this.frameCount;
    for (const part of disk.parts) {
      const first = part.number * FRAMES_PER_PART;
      for (let frame = first; frame < Math.min(first + FRAMES_PER_PART, this.frameCount); frame++) this.#remove(frame);
    }
  }

  get complete(): boolean {
    return this.#presentCount === this.frameCount;
  }

  has(frame: number): boolean {
    return ((this.#bits[frame >> 3] ?? 0) & (1 << (frame & 7))) !== 0;
  }

  add(frame: number): void {
    if (this.has(frame)) return;
    this.#bits[frame >> 3] = (this.#bits[frame >> 3] ?? 0) | (1 << (frame & 7));
    this.#presentCount++;
  }

  #remove(frame: number): void {
    this.#bits[frame >> 3] = (this.#bits[frame >> 3] ?? 0) & ~(1 << (frame & 7));
    this.#presentCount--;
  }

  /** Magic "EBPM", version u32 LE, a bit for each frame, SHA-256 of all that. */
  encode(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 4);
    const body = Buffer.concat([header, this.#bits]);
    return Buffer.concat([body, sha256(body)]);
  }

  /** Adds what an earlier run had. False, and nothing added, when the map is damaged or of a disk of another size. */
  restore(encoded: Buffer): boolean {
    if (encoded.length !== HEADER_BYTES + this.#bits.length + DIGEST_BYTES) return false;
    const body = encoded.subarray(0, -DIGEST_BYTES);
    if (!sha256(body).equals(encoded.subarray(-DIGEST_BYTES))) return false;
    if (!body.subarray(0, 4).equals(MAGIC) || body.readUInt32LE(4) !== VERSION) return false;
    const bits = body.subarray(HEADER_BYTES);
    for (let frame = 0; frame < this.frameCount; frame++) {
      if (((bits[frame >> 3] ?? 0) & (1 << (frame & 7))) !== 0) this.add(frame);
    }
    return true;
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
