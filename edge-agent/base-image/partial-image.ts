/** A native disk that is not complete yet: its partial file, and which frames are here. */
import type { FileHandle } from 'node:fs/promises';
import { type DiskDescription, FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';
import { PartialDisk } from '../transfer/partial-disk.ts';
import { Presence, presenceBytes } from './presence.ts';

export interface PartialImageOptions {
  /** Whether the disk is to survive the machine once it has its name. */
  readonly sync: boolean;
  /** Of the complete file. */
  readonly finalMode: number;
}

export class PartialImage {
  readonly presence: Presence;
  readonly #disk: PartialDisk;
  readonly #finalMode: number;

  private constructor(disk: PartialDisk, description: DiskDescription, finalMode: number) {
    this.#disk = disk;
    this.#finalMode = finalMode;
    this.presence = new Presence(description, disk.journal.bytes);
  }

  /** Takes up what an earlier run left, or begins anew. Throws DISK_FULL. */
  static async open(
    file: string,
    disk: DiskDescription,
    { sync, finalMode }: PartialImageOptions,
  ): Promise<PartialImage> {
    const { sizeBytes, index } = disk;
    const options = { file, sizeBytes, identity: index.sha256, journalBytes: presenceBytes(disk), sync };
    return new PartialImage(await PartialDisk.open(options), disk, finalMode);
  }

  get handle(): FileHandle {
    return this.#disk.handle;
  }

  /** Notes that these frames, in order, were verified and written. Throws DISK_FULL where an earlier checkpoint failed. */
  add(frames: readonly number[]): void {
    const [first] = frames;
    const last = frames.at(-1);
    if (first === undefined || last === undefined) return;
    for (const frame of frames) this.presence.add(frame);
    const { bytes, offsetBytes } = this.presence.slice(first, last + 1);
    this.#disk.note(bytes, offsetBytes, frames.length * FRAME_SIZE_BYTES);
  }

  /** Makes everything that was added so far durable. Throws DISK_FULL. */
  checkpoint(): Promise<void> {
    return this.#disk.checkpoint();
  }

  /** Gives the complete file its final name. Throws DISK_FULL. */
  finish(finalFile: string): Promise<void> {
    return this.#disk.finish(finalFile, this.#finalMode);
  }

  close(): Promise<void> {
    return this.#disk.close();
  }

  /** Gives the space back. The handle stays valid until close(): somebody may still read. */
  discard(): Promise<void> {
    return this.#disk.discard();
  }
}
