/** Reads a complete base back, each block against the digest that it had when it was verified or, of older kinds, assembled. */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { hasCode } from '#shared/errors.ts';
import { FrameIndex } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';
import { isNotThere, readIfThere } from '../durable-files.ts';
import type { BaseFolder } from './base-folder.ts';
import { digestBlocks, readBlockDigests, writeBlockDigests } from './block-digests.ts';
import { digestDisk, zeroDigests } from './digest-disk.ts';

/** `recorded`: there was nothing to compare it with; next time there is. `gone`: it was removed meanwhile. */
export type Finding = 'intact' | 'damaged' | 'recorded' | 'gone';

/** Throws the signal's reason. */
export async function checkDisk(folder: BaseFolder, signal: AbortSignal): Promise<Finding> {
  try {
    await using disk = await open(folder.disk, 'r');
    const expected = await readExpected(folder);
    if (expected === 'damaged') return 'damaged';
    if (expected !== undefined) return (await isAsExpected(disk, expected, signal)) ? 'intact' : 'damaged';
    await writeBlockDigests(folder.blockDigests, await digestBlocks(disk, (await disk.stat()).size, signal));
    return 'recorded';
  } catch (error) {
    if (isNotThere(error)) return 'gone';
    // The medium itself has lost it.
    if (error instanceof Error && 'code' in error && error.code === 'EIO') return 'damaged';
    throw error;
  }
}

interface ExpectedDisk {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  readonly sha256Of: (block: number) => string | undefined;
}

async function readExpected(folder: BaseFolder): Promise<ExpectedDisk | 'damaged' | undefined> {
  const indexBytes = await readIfThere(folder.frameIndex);
  if (indexBytes === undefined) {
    const digests = await readBlockDigests(folder.blockDigests);
    return digests && { ...digests, sha256Of: (block) => digests.sha256[block] };
  }
  try {
    return expectedBy(FrameIndex.decodeAlone(indexBytes, basename(folder.path)));
  } catch (error) {
    if (hasCode(error, 'PART_CORRUPT')) return 'damaged';
    throw error;
  }
}

function expectedBy(index: FrameIndex): ExpectedDisk {
  const sizeBytes = index.diskSizeBytes;
  const digestOfZeros = zeroDigests();
  const sha256Of = (number: number): string => {
    const frame = index.locate(number);
    if (frame !== 'zero') return frame.rawSha256;
    return digestOfZeros(Math.min(FRAME_SIZE_BYTES, sizeBytes - number * FRAME_SIZE_BYTES));
  };
  return { sizeBytes, blockBytes: FRAME_SIZE_BYTES, sha256Of };
}

async function isAsExpected(disk: FileHandle, expected: ExpectedDisk, signal: AbortSignal): Promise<boolean> {
  const { sizeBytes, blockBytes, sha256Of } = expected;
  if ((await disk.stat()).size !== sizeBytes) return false;
  let isIntact = true;
  await digestDisk(disk, { sizeBytes, blockBytes, signal }, (block, sha256) => {
    if (sha256 !== sha256Of(block)) isIntact = false;
  });
  return isIntact;
}
