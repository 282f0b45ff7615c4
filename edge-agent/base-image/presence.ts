/** The presence map of a disk: which frames are here and verified. Pure; the journal of its partial file keeps it. */
import { countFrames } from '#shared/image/frame-index.ts';
import { type DiskDescription, FRAMES_PER_PART } from '#shared/image/manifest.ts';

/** Bytes of the map: a bit for each frame. */
export function presenceBytes({ sizeBytes }: Pick<DiskDescription, 'sizeBytes'>): number {
  return Math.ceil(countFrames(sizeBytes) / 8);
}

export class Presence {
  readonly frameCount: number;
  readonly #bits: Uint8Array;
  #presentCount: number;

  /**
   * Frames of parts that were left out are there from the start: they are holes.
   * @param arrived the map of what has arrived before, of presenceBytes()
   */
  constructor(disk: DiskDescription, arrived: Uint8Array) {
    this.frameCount = countFrames(disk.sizeBytes);
    this.#bits = new Uint8Array(presenceBytes(disk)).fill(0xff);
    this.#presentCount = this.frameCount;
    for (const part of disk.parts) {
      const first = part.number * FRAMES_PER_PART;
      for (let frame = first; frame < Math.min(first + FRAMES_PER_PART, this.frameCount); frame++) {
        if (((arrived[frame >> 3] ?? 0) & (1 << (frame & 7))) === 0) this.#remove(frame);
      }
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

  /** The bytes of the map that tell of the frames [first, end). */
  slice(first: number, end: number): { readonly bytes: Uint8Array; readonly offsetBytes: number } {
    const offsetBytes = first >> 3;
    return { bytes: this.#bits.subarray(offsetBytes, ((end - 1) >> 3) + 1), offsetBytes };
  }
}
