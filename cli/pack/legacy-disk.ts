/** Writes a disk as one of the four older file types (formats, section 2). */
import { createWriteStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import type { DiskFile, DiskFileType } from '#shared/vc-xml/vc-in.ts';
import type { OpenedDisk } from '../publish/open-disk.ts';
import { allBytes, dataBlocks, isHole, zeros } from './disk-data.ts';

/** Raw bytes of one piece: the largest disk has 2,048, and pieces are small enough to be fetched side by side. */
export const PIECE_BYTES = 256 * 1024 * 1024;

export interface LegacyDiskRequest {
  readonly type: DiskFileType;
  /** Name of the raw disk when it is whole again. */
  readonly filename: string;
  readonly folder: string;
  readonly signal: AbortSignal;
  /** @param rawBytes of this disk that are written. */
  readonly onProgress: (rawBytes: number) => void;
}

interface Piece {
  readonly name: string;
  readonly from: number;
  readonly end: number;
}

/** Pieces that are compressed are gzip members of their own: they can be fetched and inflated all at once. */
export async function packLegacyDisk(disk: OpenedDisk, request: LegacyDiskRequest): Promise<DiskFile> {
  const { type, filename, folder, signal, onProgress } = request;
  const isCompressed = type === 'gzip' || type === 'splited_gzip';
  const pieces = planPieces(disk.sizeBytes, request);
  let emptyPiece: Promise<Buffer> | undefined;
  let written = 0;
  const write = async ({ name, from, end }: Piece): Promise<void> => {
    const file = path.join(folder, name);
    if (!isCompressed) await writeSparse(disk, { from, end }, file, signal);
    else if (end - from === PIECE_BYTES && isHole(disk, from, end)) {
      emptyPiece ??= buffer(Readable.from(zeros(PIECE_BYTES)).pipe(createGzip()));
      await writeFile(file, await emptyPiece, { signal });
    } else {
      await pipeline(Readable.from(allBytes(disk, from, end)), createGzip() as Transform, createWriteStream(file), {
        signal,
      });
    }
    written += end - from;
    onProgress(written);
  };
  // Compressing is done by other threads.
  const queue = pieces.values();
  const worker = async (): Promise<void> => {
    for (const piece of queue) {
      signal.throwIfAborted();
      await write(piece);
    }
  };
  await Promise.all(Array.from({ length: isCompressed ? availableParallelism() : 1 }, worker));
  return { type, filename, parts: pieces.map(({ name }) => name) };
}

function planPieces(sizeBytes: number, { type, filename }: LegacyDiskRequest): readonly Piece[] {
  const name = type === 'gzip' || type === 'splited_gzip' ? `${filename}.gz` : filename;
  if (type === 'raw' || type === 'gzip') return [{ name, from: 0, end: sizeBytes }];
  return Array.from({ length: Math.ceil(sizeBytes / PIECE_BYTES) }, (_, i) => ({
    name: `${name}.${String(i).padStart(4, '0')}`,
    from: i * PIECE_BYTES,
    end: Math.min(sizeBytes, (i + 1) * PIECE_BYTES),
  }));
}

/** Zeros are left out: they become holes. */
async function writeSparse(
  disk: OpenedDisk,
  { from, end }: Pick<Piece, 'from' | 'end'>,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  await using target = await open(file, 'wx');
  await target.truncate(end - from);
  for await (const { offsetBytes, bytes } of dataBlocks(disk, from, end)) {
    signal.throwIfAborted();
    for (let done = 0; done < bytes.length;) {
      done += (await target.write(bytes, done, bytes.length - done, offsetBytes - from + done)).bytesWritten;
    }
  }
}
