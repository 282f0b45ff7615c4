/**
 * A file of a repository, fetched by blocks. Nobody has declared its size or digest: the source is asked for its end first, and the
 * digest of each block is kept, to be pinned or compared with the pin.
 */
import { hash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import { MAX_PARTS, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { refetchWhileCorrupt } from '../transfer/refetch.ts';
import type { Delivery, PartSource } from '../ports.ts';

/** The unit of fetching, and of the digests. */
export const BLOCK_BYTES = 8 * 1024 * 1024;
export const MAX_DISK_BYTES = MAX_PARTS * PART_SIZE_BYTES;
const TAIL_BYTES = 8;

/** What one small request tells. */
export interface ProbedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly version: string | undefined;
  /** Its last eight bytes; fewer where it has fewer. */
  readonly tail: Buffer;
}

/** Throws PART_CORRUPT where it is empty or absurdly large, and what the source throws. */
export async function probeFile(source: PartSource, path: string, signal: AbortSignal): Promise<ProbedFile> {
  const range = { lastBytes: TAIL_BYTES };
  const { bytes, sizeBytes, version } = await source.fetch({ path, sizeBytes: undefined, range }, signal);
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes <= MAX_DISK_BYTES) {
    return { path, sizeBytes, version, tail: bytes };
  }
  throw new EdgebootError('PART_CORRUPT', `${path} has ${sizeBytes} bytes, which no part of an image has.`);
}

export interface RemoteFileOptions {
  readonly source: PartSource;
  /** The digests that its blocks must have; `undefined` where none are known. */
  readonly pinnedSha256: readonly string[] | undefined;
  /** The error where a block has another digest, twice. */
  readonly errorOfChange: (what: string) => EdgebootError;
  readonly onFetched: (bytes: number, delivery: Delivery) => void;
}

export class RemoteFile {
  readonly probed: ProbedFile;
  readonly blockCount: number;
  readonly #options: RemoteFileOptions;
  readonly #sha256: (string | undefined)[];

  constructor(probed: ProbedFile, options: RemoteFileOptions) {
    this.probed = probed;
    this.blockCount = Math.ceil(probed.sizeBytes / BLOCK_BYTES);
    this.#options = options;
    this.#sha256 = Array.from({ length: this.blockCount });
  }

  /** Digests of all blocks. Every block must have been fetched. */
  get blockSha256(): readonly string[] {
    return this.#sha256.map((sha256) => {
      if (sha256 === undefined) throw new Error(`a block of ${this.probed.path} was not fetched`);
      return sha256;
    });
  }

  /**
   * Throws MANIFEST_UNTRUSTED where the block is not the pinned one, PART_CORRUPT where four copies did not fit, and what the
   * source throws.
   */
  async fetchBlock(number: number, signal: AbortSignal): Promise<Buffer> {
    const { path, sizeBytes } = this.probed;
    const offsetBytes = number * BLOCK_BYTES;
    const range = { offsetBytes, lengthBytes: Math.min(BLOCK_BYTES, sizeBytes - offsetBytes) };
    let before: string | undefined;
    return refetchWhileCorrupt(async (badCopies) => {
      const fetched = await this.#options.source.fetch({ path, sizeBytes, range, badCopies }, signal);
      this.#requireSameVersion(fetched.version);
      const sha256 = hash('sha256', fetched.bytes);
      const expected = this.#options.pinnedSha256?.[number] ?? this.#sha256[number] ?? sha256;
      if (sha256 !== expected) {
        // What comes the same way twice was not damaged on its way.
        if (sha256 === before) throw this.#options.errorOfChange(`block ${number} of ${path} has other content`);
        before = sha256;
        throw new EdgebootError('PART_CORRUPT', `A block of ${path} does not match its digest.`);
      }
      this.#sha256[number] = sha256;
      this.#options.onFetched(range.lengthBytes, fetched.delivery);
      return fetched.bytes;
    });
  }

  /** Its first bytes, for a guess at what it is: they are not compared with any digest. */
  async fetchHead(lengthBytes: number, signal: AbortSignal): Promise<Buffer> {
    const { path, sizeBytes } = this.probed;
    const range = { offsetBytes: 0, lengthBytes: Math.min(lengthBytes, sizeBytes) };
    return (await this.#options.source.fetch({ path, sizeBytes, range }, signal)).bytes;
  }

  #requireSameVersion(version: string | undefined): void {
    const { path, version: probed } = this.probed;
    if (version === undefined || probed === undefined || version === probed) return;
    throw replacedMeanwhile(path);
  }
}

export function replacedMeanwhile(path: string): EdgebootError {
  return new EdgebootError('PART_CORRUPT', `${path} was replaced while it was being fetched.`, {
    remedy: 'Try again when nobody is writing into the repository.',
  });
}
