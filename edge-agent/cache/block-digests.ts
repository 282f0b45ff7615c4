/**
 * Digests of the blocks of a disk that no frame index describes: an older image, as it was when it was complete. Whether it still is
 * that, is all that they tell.
 */
import type { FileHandle } from 'node:fs/promises';
import { SHA256 } from '#shared/names.ts';
import * as z from 'zod';
import { readIfThere, replaceFile } from '../durable-files.ts';
import { digestDisk } from './digest-disk.ts';

const BLOCK_BYTES = 8 * 1024 * 1024;

const blockDigestsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  sizeBytes: z.int().positive(),
  blockBytes: z.literal(BLOCK_BYTES),
  /** In order; of zeros where there is a hole. */
  sha256: z.array(SHA256),
});
export type BlockDigests = z.infer<typeof blockDigestsSchema>;

export async function digestBlocks(disk: FileHandle, sizeBytes: number, signal: AbortSignal): Promise<BlockDigests> {
  const sha256: string[] = [];
  await digestDisk(disk, { sizeBytes, blockBytes: BLOCK_BYTES, signal }, (block, digest) => (sha256[block] = digest));
  return { schemaVersion: 1, sizeBytes, blockBytes: BLOCK_BYTES, sha256 };
}

/** Throws DISK_FULL. */
export async function writeBlockDigests(file: string, digests: BlockDigests): Promise<void> {
  await replaceFile(file, Buffer.from(JSON.stringify(digests)));
}

/** `undefined` where there are none, or none that can be read. */
export async function readBlockDigests(file: string): Promise<BlockDigests | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return undefined;
  try {
    return blockDigestsSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    return undefined;
  }
}
