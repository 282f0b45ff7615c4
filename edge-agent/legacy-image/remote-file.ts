/**
 * A file of a repository, fetched by blocks. Nobody has declared its size or digest: the source is asked for its end first, and the
 * digest of each block is kept, to be pinned or compared with the pin.
 */
import { EdgebootError } from '#shared/errors.ts';
import { MAX_DISK_BYTES } from '#shared/image/part-layout.ts';
import type { Delivery, PartSource } from '../ports.ts';
import type { BlockDone } from '../transfer/disk-tasks.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';

/** The unit of fetching, and of the digests: small enough for many at once. */
export const BLOCK_BYTES = 2 * 1024 * 1024;
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
  /** Its blocks are counted on from those of the files before it. */
  readonly firstBlock: number;
  /** The digests that its blocks must have; `undefined` where none are known. */
  readonly pinnedSha256: readonly string[] | undefined;
  /** Digests of blocks that an earlier run has used. */
  readonly digestOf: (block: number) => string | undefined;
  /** The error where a block has another digest, twice. */
  readonly errorOfChange: (what: string) => EdgebootError;
  readonly onFetched: (bytes: number, delivery: Delivery) => void;
}

export class RemoteFile {
  readonly probed: ProbedFile;
  readonly blockCount: number;
  readonly firstBlock: number;
  readonly #options: RemoteFileOptions;

  static countBlocks(sizeBytes: number): number {
    return Math.ceil(sizeBytes / BLOCK_BYTES);
  }

  constructor(probed: ProbedFile, options: RemoteFileOptions) {
    this.probed = probed;
    this.blockCount = RemoteFile.countBlocks(probed.sizeBytes);
    this.firstBlock = options.firstBlock;
    this.#options = options;
  }

  /** Digests of all blocks. Every block must have been used, by this run or an earlier one. */
  get blockSha256(): readonly string[] {
    return Array.from({ length: this.blockCount }, (_, number) => {
      const sha256 = this.#options.digestOf(this.firstBlock + number);
      if (sha256 === undefined) throw new Error(`a block of ${this.probed.path} was not fetched`);
      return sha256;
    });
  }

  sizeOfBlock(number: number): number {
    return Math.min(BLOCK_BYTES, this.probed.sizeBytes - number * BLOCK_BYTES);
  }

  /**
   * Fetches a block and gives it to `consume`, which does nothing with it unless it has the digest that it must have.
   * Throws MANIFEST_UNTRUSTED where the block is not the pinned one, PART_CORRUPT where four copies did not fit, and what the
   * source and `consume` throw.
   */
  async useBlock<Done extends BlockDone>(
    number: number,
    flow: TransferFlow,
    signal: AbortSignal,
    consume: (bytes: Buffer, expectedSha256: string | undefined) => Promise<Done>,
  ): Promise<Done> {
    const { path, sizeBytes } = this.probed;
    const { source, pinnedSha256, digestOf, errorOfChange, onFetched } = this.#options;
    const range = { offsetBytes: number * BLOCK_BYTES, lengthBytes: this.sizeOfBlock(number) };
    const expected = pinnedSha256?.[number] ?? digestOf(this.firstBlock + number);
    let before: string | undefined;
    const used = await flow.use(source, { path, sizeBytes, range }, signal, async ({ bytes, version, delivery }) => {
      this.#requireSameVersion(version);
      // Whoever has taken a block cannot take it again: his failure is no reason to fetch it anew.
      const [taking] = await Promise.allSettled([consume(bytes, expected)]);
      if (taking.status === 'rejected') return taking;
      const done = taking.value;
      if (!done.isTaken) {
        // What comes the same way twice was not damaged on its way.
        if (done.sha256 === before) throw errorOfChange(`block ${number} of ${path} has other content`);
        before = done.sha256;
        throw new EdgebootError('PART_CORRUPT', `A block of ${path} does not match its digest.`);
      }
      onFetched(range.lengthBytes, delivery);
      return taking;
    });
    if (used.status === 'rejected') throw used.reason;
    return used.value;
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
