/**
 * gunzip, piece by piece, into one buffer that is used again and again: by ISA-L (libisal), several times as fast as zlib, whose
 * state can be kept for a later run; by Node's zlib where ISA-L is not installed, or not the one that was tried.
 */
import { EdgebootError } from '#shared/errors.ts';
import { loadIsal } from './isal.ts';
import { createZlibInflater } from './zlib-inflater.ts';

/** A row of gzip members as they come (RFC 1952), each checked against the CRC and the length in its trailer. */
export interface Inflater {
  /**
   * Takes the next piece; `write` gets what comes out, whose memory is used again after it returns. Throws PART_CORRUPT where it is
   * no row of members and nothing else, and what `write` throws; of no use after that.
   */
  feed(piece: Uint8Array, write: (raw: Buffer) => void): void | Promise<void>;
  /** There is no further piece. Throws PART_CORRUPT where the last member is not complete, or something else follows it. */
  end(): void | Promise<void>;
  /** For createInflater() in a later run; `undefined` where that cannot be. */
  state(): Uint8Array | undefined;
}

/** @param resumeFrom state() of an earlier run on this machine; only where that run had one. */
export function createInflater(resumeFrom?: Uint8Array): Inflater {
  const inflater = loadIsal()?.(resumeFrom);
  if (inflater !== undefined) return inflater;
  if (resumeFrom !== undefined) throw new Error('what an earlier run left needs ISA-L, which is gone');
  return createZlibInflater();
}

/** What is wrong with a compressed disk. */
export function corruptGzip(what: string, cause?: unknown): EdgebootError {
  return new EdgebootError('PART_CORRUPT', `The compressed disk ${what}.`, {
    remedy: 'Ask whoever maintains the repository to put the image there again.',
    cause,
  });
}
