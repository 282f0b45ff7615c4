/**
 * Verifies, decompresses and writes the frames of one answer. Runs in a worker for whole parts and on the main thread for single
 * frames, so it blocks: nothing else may wait for its thread.
 */
import { hash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import type { StoredFrame } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/part-layout.ts';
import { createFrameDecoder, type FrameDecoder } from './frame-decoder.ts';
import { writeSparse } from './write-sparse.ts';

/** What unpacking needs to know of a frame. */
export type FrameTarget = Pick<StoredFrame, 'lengthBytes' | 'sha256' | 'diskOffsetBytes' | 'rawSizeBytes'>;

export interface Unpacking {
  /** The sparse file, open for writing. Whatever it has at the frames' places is zero or the same bytes. */
  readonly fileDescriptor: number;
  /** The frames as they came, one after another. */
  readonly bytes: Uint8Array;
  readonly frames: readonly FrameTarget[];
}

export type Unpack = (unpacking: Unpacking, mayGoOn: () => boolean) => void;

/**
 * The digests are the index's, which the manifest's signature covers: a cache that several images share by their index cannot be
 * poisoned by a manifest whose parts belie it. A frame is verified before it is decompressed, all frames before one is written.
 * @returns a function that throws PART_CORRUPT, MANIFEST_UNTRUSTED, DISK_FULL, another error of the file system, or CANCELED once
 * `mayGoOn` says no
 */
export function createUnpacker(decoder: FrameDecoder = createFrameDecoder(FRAME_SIZE_BYTES)): Unpack {
  return ({ fileDescriptor, bytes, frames }, mayGoOn) => {
    const stored = verifyFrames(bytes, frames);
    for (const { frame, compressed } of stored) {
      if (!mayGoOn()) throw new EdgebootError('CANCELED', 'The transfer was stopped.');
      const raw = decoder.decode(compressed, frame.rawSizeBytes);
      // The publisher signed the digest of what does not decode: fetching it again cannot help.
      if (raw === undefined) {
        throw new EdgebootError(
          'MANIFEST_UNTRUSTED',
          'A frame of the image does not decompress to its declared size.',
          { remedy: 'Ask the publisher to publish the image again.' },
        );
      }
      writeSparse(fileDescriptor, raw, frame.diskOffsetBytes);
    }
  };
}

function verifyFrames(
  bytes: Uint8Array,
  frames: readonly FrameTarget[],
): { readonly frame: FrameTarget; readonly compressed: Uint8Array }[] {
  let position = 0;
  const stored = frames.map((frame) => {
    const compressed = bytes.subarray(position, position + frame.lengthBytes);
    position += frame.lengthBytes;
    if (hash('sha256', compressed) === frame.sha256) return { frame, compressed };
    throw new EdgebootError('PART_CORRUPT', 'A frame of the image does not match its digest.');
  });
  if (position !== bytes.length) throw new EdgebootError('PART_CORRUPT', 'A part of the image has another length.');
  return stored;
}
