/** The frame index of a disk: from the folder of its base image, or fetched, verified and kept there. */
import { hash } from 'node:crypto';
import { hasCode } from '#shared/errors.ts';
import { FrameIndex } from '#shared/image/frame-index.ts';
import { type DiskDescription, imageObjectName } from '#shared/image/manifest.ts';
import type { FetchedObject, PartSource } from '../ports.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import { readIfThere, replaceFile } from '../durable-files.ts';
import { fetchVerified } from '../transfer/fetch-verified.ts';

const MOST_PIECES = 8;
const LEAST_PIECE_BYTES = 64 * 1024;

export interface IndexLocation {
  readonly file: string;
  readonly disk: DiskDescription;
  /** Asked for objects by their names within the image. */
  readonly source: PartSource;
  /** Agents of the same site, asked before the source. */
  readonly peers?: SitePeers | undefined;
}

/** Throws MANIFEST_UNTRUSTED when index and manifest contradict each other, and what fetchVerified throws. */
export async function loadFrameIndex(location: IndexLocation, signal: AbortSignal): Promise<FrameIndex> {
  const { file, disk, source, peers } = location;
  const kept = await readIfThere(file);
  if (kept !== undefined) {
    try {
      return FrameIndex.decode(kept, disk);
    } catch (error) {
      // A damaged file of ours is no reason to stop: it is fetched again.
      if (!hasCode(error, 'PART_CORRUPT')) throw error;
    }
  }
  const isIt = (bytes: Buffer): boolean => hash('sha256', bytes) === disk.index.sha256;
  const bytes = (await peers?.fetchIndex(disk, isIt, signal)) ?? (await fetchIndexBytes(disk, source, signal));
  const index = FrameIndex.decode(bytes, disk);
  await replaceFile(file, bytes);
  return index;
}

/** Throws MANIFEST_UNTRUSTED when index and manifest contradict each other, and what fetchVerified throws. */
export async function fetchFrameIndex(
  disk: DiskDescription,
  source: PartSource,
  signal: AbortSignal,
): Promise<FrameIndex> {
  return FrameIndex.decode(await fetchIndexBytes(disk, source, signal), disk);
}

/** In pieces, side by side: from afar a connection is slow at first, and the parts will want several anyway. */
async function fetchIndexBytes(disk: DiskDescription, source: PartSource, signal: AbortSignal): Promise<Buffer> {
  const { sha256, sizeBytes } = disk.index;
  const path = imageObjectName('indexes', sha256);
  const inPieces: PartSource = {
    async fetch(request) {
      const pieceBytes = Math.max(LEAST_PIECE_BYTES, Math.ceil(sizeBytes / MOST_PIECES));
      if (sizeBytes <= pieceBytes) return source.fetch(request, signal);
      const offsets = Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, (_, i) => i * pieceBytes);
      const pieces = await Promise.all(
        offsets.map((offsetBytes) => {
          const range = { offsetBytes, lengthBytes: Math.min(pieceBytes, sizeBytes - offsetBytes) };
          return source.fetch({ ...request, range }, signal);
        }),
      );
      const [first] = pieces as [FetchedObject];
      return { ...first, bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)) };
    },
  };
  return (await fetchVerified(inPieces, { path, sizeBytes }, sha256, signal)).bytes;
}
