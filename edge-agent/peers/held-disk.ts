/**
 * A native disk of this host's cache as other agents may read it: complete, or what is verified of it already, whichever process
 * fetches it. What lies here is told by the cache's files alone.
 */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { countFrames } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/part-layout.ts';
import type { BaseFolder } from '../cache/base-folder.ts';
import { isNotThere, statIfThere } from '../durable-files.ts';
import { readLiveNotes } from '../transfer/resume-journal.ts';

export interface HeldDisk extends AsyncDisposable {
  readonly frameCount: number;
  has(frame: number): boolean;
  /** Of one frame. */
  rawSizeOf(frame: number): number;
  /** Throws where the file is shorter than it was. */
  read(frame: number): Promise<Buffer>;
}

/** `undefined` where there is nothing of it, it is damaged, or it is no native disk. @param disk SHA-256 of its frame index */
export async function openHeldDisk(folder: BaseFolder, disk: string): Promise<HeldDisk | undefined> {
  if ((await statIfThere(folder.frameIndex)) === undefined) return undefined;
  if ((await statIfThere(folder.markFile('damaged'))) !== undefined) return undefined;
  const complete = await openIfThere(folder.disk);
  if (complete !== undefined) return held(complete, () => true);
  const partial = await openIfThere(folder.partial);
  if (partial === undefined) return undefined;
  try {
    const { size } = await partial.stat();
    const bytes = Math.ceil(countFrames(size) / 8);
    const arrived = await readLiveNotes({ file: folder.partial, identity: disk, sizeBytes: bytes });
    return await held(partial, (frame) => ((arrived?.[frame >> 3] ?? 0) & (1 << (frame & 7))) !== 0);
  } catch (error) {
    await partial.close();
    throw error;
  }
}

async function held(handle: FileHandle, has: (frame: number) => boolean): Promise<HeldDisk> {
  const { size } = await handle.stat();
  const rawSizeOf = (frame: number): number => Math.min(FRAME_SIZE_BYTES, size - frame * FRAME_SIZE_BYTES);
  return {
    frameCount: countFrames(size),
    has,
    rawSizeOf,
    async read(frame) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(rawSizeOf(frame)), {
        position: frame * FRAME_SIZE_BYTES,
      });
      if (bytesRead === buffer.length) return buffer;
      throw new Error(`frame ${frame} of a disk in the cache became shorter`);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
