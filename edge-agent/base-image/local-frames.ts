/**
 * Frames of a disk that this host has already, in other disks: of an earlier version of the image, most of them. Found by the digests
 * of what they hold, and verified as they are copied: nobody needs to trust the other disk.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { rawFramesOf, type StoredFrame } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';
import type { FrameCopy } from '../transfer/disk-tasks.ts';
import type { DiskWorkers } from '../transfer/disk-workers.ts';
import { eachOf } from '../transfer/each-of.ts';
import type { FrameFetcher } from './frame-fetcher.ts';

export interface LocalDisk {
  /** A raw disk. */
  readonly file: string;
  /** Its frame index; `undefined` where it has none: then it is read. */
  readonly indexBytes: Buffer | undefined;
}

/** Bytes that a thread reads, or copies, in one go. */
const PIECE_BYTES = 8 * 1024 * 1024;
const PIECES_AT_ONCE = 4;

/**
 * Copies what is missing and to be had. What is wrong with another disk is no failure.
 * @returns bytes of the raw disk that were copied. Throws DISK_FULL; the signal's reason.
 */
export async function copyLocalFrames(
  fetcher: FrameFetcher,
  disks: readonly LocalDisk[],
  workers: DiskWorkers,
  signal: AbortSignal,
): Promise<number> {
  let copiedBytes = 0;
  for (const disk of disks) {
    const wanted = framesByContent(fetcher);
    if (wanted.size === 0) break;
    const from = await open(disk.file, 'r').catch(() => undefined);
    if (from === undefined) continue;
    try {
      const copies: (FrameCopy & { readonly frameNumber: number })[] = [];
      for await (const { frameNumber, rawSha256 } of contentsOf(disk, from, workers, signal)) {
        for (const { diskOffsetBytes, rawSizeBytes, frameNumber: target } of wanted.get(rawSha256) ?? []) {
          const fromOffsetBytes = frameNumber * FRAME_SIZE_BYTES;
          copies.push({ fromOffsetBytes, diskOffsetBytes, rawSizeBytes, rawSha256, frameNumber: target });
        }
        wanted.delete(rawSha256);
      }
      copiedBytes += await copy(copies, from, fetcher, workers, signal);
    } finally {
      await from.close();
    }
  }
  return copiedBytes;
}

/** Digests of what the frames of raw disks hold. Throws what opening them throws; the signal's reason. */
export async function findContents(
  files: readonly string[],
  workers: DiskWorkers,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const file of files) {
    await using from = await open(file, 'r');
    const disk: LocalDisk = { file, indexBytes: undefined };
    for await (const { rawSha256 } of contentsOf(disk, from, workers, signal)) found.add(rawSha256);
  }
  return found;
}

function framesByContent({ of: { index }, isMissing }: FrameFetcher): Map<string, StoredFrame[]> {
  const wanted = new Map<string, StoredFrame[]>();
  for (let number = 0; number < index.frameCount; number++) {
    const frame = isMissing(number) ? index.locate(number) : 'zero';
    if (frame === 'zero') continue;
    wanted.set(frame.rawSha256, [...(wanted.get(frame.rawSha256) ?? []), frame]);
  }
  return wanted;
}

async function* contentsOf(
  { indexBytes }: LocalDisk,
  from: FileHandle,
  workers: DiskWorkers,
  signal: AbortSignal,
): AsyncGenerator<{ readonly frameNumber: number; readonly rawSha256: string }> {
  if (indexBytes !== undefined) {
    yield* rawFramesOf(indexBytes);
    return;
  }
  const { size } = await from.stat();
  const pieces = Array.from({ length: Math.ceil(size / PIECE_BYTES) }, (_, i) => i * PIECE_BYTES);
  const digests: (readonly string[])[] = [];
  await eachOf(pieces.entries(), PIECES_AT_ONCE, signal, async ([i, offsetBytes]) => {
    const lengthBytes = Math.min(PIECE_BYTES, size - offsetBytes);
    digests[i] = await workers.digestFrames({ fileDescriptor: from.fd, offsetBytes, lengthBytes });
  });
  for (const [frameNumber, rawSha256] of digests.flat().entries()) yield { frameNumber, rawSha256 };
}

async function copy(
  copies: readonly (FrameCopy & { readonly frameNumber: number })[],
  from: FileHandle,
  { of: { partial } }: FrameFetcher,
  workers: DiskWorkers,
  signal: AbortSignal,
): Promise<number> {
  const inOrder = copies.toSorted((a, b) => a.frameNumber - b.frameNumber);
  const groupSize = PIECE_BYTES / FRAME_SIZE_BYTES;
  const groups = Array.from({ length: Math.ceil(inOrder.length / groupSize) }, (_, i) =>
    inOrder.slice(i * groupSize, (i + 1) * groupSize),
  );
  let copiedBytes = 0;
  await eachOf(groups, PIECES_AT_ONCE, signal, async (frames) => {
    const task = { fromDescriptor: from.fd, fileDescriptor: partial.handle.fd, frames };
    const isCopied = await workers.copyFrames(task);
    const copied = frames.filter((_, i) => isCopied[i]);
    partial.add(copied.map(({ frameNumber }) => frameNumber));
    copiedBytes += copied.reduce((sum, { rawSizeBytes }) => sum + rawSizeBytes, 0);
  });
  return copiedBytes;
}
