/**
 * What is noted of the assembly of an older disk, to go on from: the digest of every block that was used, the files that are done, and
 * how far each stream was inflated. Layout of the journal's bytes:
 *
 *     files   a byte each: 1 when it is done
 *     blocks  a byte and 32: 1 and the SHA-256 when it was used
 *     lanes   two places each, written in turn: whoever is killed in the middle of one still has the other
 *     place   turn u32 · file i32 (-1: all as one stream) · next block u32 · offset in the disk u64 · length u32 · state · SHA-256
 */
import { createHash } from 'node:crypto';
import type { PartialDisk } from '../transfer/partial-disk.ts';

const DIGEST_BYTES = 32;
const BLOCK_BYTES = 1 + DIGEST_BYTES;
const HEAD_BYTES = 24;
/** More than an inflater keeps. */
const MAX_STATE_BYTES = 96 * 1024;
const PLACE_BYTES = HEAD_BYTES + MAX_STATE_BYTES + DIGEST_BYTES;
export const LANES = 8;
/** All files are one stream. */
export const ALL_FILES = -1;

export interface StreamPosition {
  readonly file: number;
  /** Within the stream. */
  readonly nextBlock: number;
  readonly offsetBytes: number;
  readonly state: Uint8Array;
}

export class AssemblyNotes {
  readonly #disk: PartialDisk;
  readonly #fileCount: number;
  readonly #blockCount: number;
  #turn = 0;

  static journalBytes(fileCount: number, blockCount: number): number {
    return fileCount + blockCount * BLOCK_BYTES + LANES * 2 * PLACE_BYTES;
  }

  constructor(disk: PartialDisk, fileCount: number, blockCount: number) {
    this.#disk = disk;
    this.#fileCount = fileCount;
    this.#blockCount = blockCount;
    for (const { turn } of this.#places()) this.#turn = Math.max(this.#turn, turn);
  }

  isFileDone(file: number): boolean {
    return this.#bytes[file] === 1;
  }

  noteFile(file: number): void {
    this.#disk.note(Buffer.of(1), file, 0);
  }

  /** Lower-case hex; `undefined` where the block was not used yet. @param block counted over all files */
  digestOf(block: number): string | undefined {
    const at = this.#fileCount + block * BLOCK_BYTES;
    return this.#bytes[at] === 1 ? this.#bytes.toString('hex', at + 1, at + BLOCK_BYTES) : undefined;
  }

  /** @param writtenBytes what came of it on the disk */
  noteBlock(block: number, sha256: string, writtenBytes: number): void {
    const record = Buffer.concat([Buffer.of(1), Buffer.from(sha256, 'hex')]);
    this.#disk.note(record, this.#fileCount + block * BLOCK_BYTES, writtenBytes);
  }

  noteStream(lane: number, { file, nextBlock, offsetBytes, state }: StreamPosition): void {
    this.#turn++;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(this.#turn, 0);
    head.writeInt32LE(file, 4);
    head.writeUInt32LE(nextBlock, 8);
    head.writeBigUInt64LE(BigInt(offsetBytes), 12);
    head.writeUInt32LE(state.length, 20);
    const content = Buffer.concat([head, state]);
    const older = this.#placesOf(lane).sort((a, b) => a.turn - b.turn)[0];
    if (older !== undefined) this.#disk.note(Buffer.concat([content, sha256Of(content)]), older.at, 0);
  }

  /** The newest that is whole. */
  streamOf(file: number): StreamPosition | undefined {
    const found = this.#places().filter(({ position }) => position?.file === file);
    return found.sort((a, b) => b.turn - a.turn)[0]?.position;
  }

  get #bytes(): Buffer {
    return this.#disk.journal.bytes;
  }

  #places() {
    return Array.from({ length: LANES }, (_, lane) => this.#placesOf(lane)).flat();
  }

  #placesOf(lane: number) {
    const start = this.#fileCount + this.#blockCount * BLOCK_BYTES + lane * 2 * PLACE_BYTES;
    return [start, start + PLACE_BYTES].map((at) => ({ at, ...this.#readPlace(at) }));
  }

  /** Turn 0 where nothing whole is. */
  #readPlace(at: number): { readonly turn: number; readonly position?: StreamPosition } {
    const bytes = this.#bytes;
    const stateBytes = bytes.readUInt32LE(at + 20);
    const end = at + HEAD_BYTES + stateBytes;
    if (stateBytes === 0 || stateBytes > MAX_STATE_BYTES) return { turn: 0 };
    if (!sha256Of(bytes.subarray(at, end)).equals(bytes.subarray(end, end + DIGEST_BYTES))) return { turn: 0 };
    return {
      turn: bytes.readUInt32LE(at),
      position: {
        file: bytes.readInt32LE(at + 4),
        nextBlock: bytes.readUInt32LE(at + 8),
        offsetBytes: Number(bytes.readBigUInt64LE(at + 12)),
        state: bytes.subarray(at + HEAD_BYTES, end),
      },
    };
  }
}

const sha256Of = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
