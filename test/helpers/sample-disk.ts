/** Small sparse disks, cut as publishing cuts them. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type CutPart, cutDisk } from '../../cli/publish/cut-disk.ts';
import { type DiskDescription, imageObjectKey, PART_SIZE_BYTES } from '#shared/image/manifest.ts';

export const SAMPLE_IMAGE_ID = '01JD0000000000000000000000';
export const SAMPLE_LABEL = { name: 'sample', version: 1 };

export interface SampleDisk {
  readonly rawFile: string;
  readonly sizeBytes: number;
  readonly disk: DiskDescription;
  readonly indexBytes: Buffer;
  readonly parts: readonly CutPart[];
  /** All objects of the disk, by key. */
  readonly objects: ReadonlyMap<string, Buffer>;
}

/** A piece of a disk's content. `text` compresses well, `noise` not at all; both are the same in every run. */
export interface Piece {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly content: 'noise' | 'text';
}

const MIB = 1024 * 1024;

/** Five parts and a bit: full, empty (a hole), with holes inside, noise, written zeros, and a short one that ends oddly. */
export const SAMPLE_SIZE_BYTES = 5 * PART_SIZE_BYTES + 300 * 1024 + 512;
export const SAMPLE_PIECES: readonly Piece[] = [
  { offsetBytes: 0, lengthBytes: PART_SIZE_BYTES, content: 'text' },
  { offsetBytes: 2 * PART_SIZE_BYTES + MIB, lengthBytes: 70_000, content: 'noise' },
  { offsetBytes: 2 * PART_SIZE_BYTES + 5 * MIB + 1000, lengthBytes: 500_000, content: 'text' },
  { offsetBytes: 3 * PART_SIZE_BYTES - 4096, lengthBytes: MIB, content: 'noise' },
  { offsetBytes: 5 * PART_SIZE_BYTES + 200_000, lengthBytes: 300 * 1024 + 512 - 200_000, content: 'noise' },
];

/** Writes a disk into `directory` and cuts it. */
export async function createSampleDisk(
  directory: string,
  sizeBytes = SAMPLE_SIZE_BYTES,
  pieces = SAMPLE_PIECES,
): Promise<SampleDisk> {
  const rawFile = join(directory, 'sample.raw');
  await using handle = await open(rawFile, 'w+');
  await handle.truncate(sizeBytes);
  for (const [i, { offsetBytes, lengthBytes, content }] of pieces.entries()) {
    await handle.write(makeContent(content, lengthBytes, i), 0, lengthBytes, offsetBytes);
  }
  // Zeros that are written, and so no hole.
  if (sizeBytes > 5 * PART_SIZE_BYTES) await handle.write(Buffer.alloc(MIB), 0, MIB, 4 * PART_SIZE_BYTES);
  return await cutSample(rawFile, handle, sizeBytes);
}

/** A disk that is there already. */
export async function cutSample(rawFile: string, handle: FileHandle, sizeBytes: number): Promise<SampleDisk> {
  const cut = cutDisk(handle, sizeBytes);
  const parts: CutPart[] = [];
  for await (const part of cut.parts) parts.push(part);
  const { disk, indexBytes } = cut.finish();
  const objects = new Map(
    parts.map((part) => [imageObjectKey(SAMPLE_IMAGE_ID, 'parts', part.sha256), part.bytes] as const),
  );
  objects.set(imageObjectKey(SAMPLE_IMAGE_ID, 'indexes', disk.index.sha256), indexBytes);
  return { rawFile, sizeBytes, disk, indexBytes, parts, objects };
}

const TEXT_BYTES = 32_000;

function makeContent(content: 'noise' | 'text', lengthBytes: number, seed: number): Buffer {
  const bytes = Buffer.alloc(content === 'noise' ? lengthBytes : TEXT_BYTES);
  for (let at = 0; at < bytes.length; at += 32) {
    createHash('sha256').update(`${seed}:${at}`).digest().copy(bytes, at);
  }
  return content === 'noise' ? bytes : Buffer.alloc(lengthBytes, bytes);
}
