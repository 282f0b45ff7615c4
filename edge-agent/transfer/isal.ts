/**
 * Inflating by Intel's ISA-L through koffi. Its state is one struct without pointers of its own, so it can be kept and taken up again.
 * The struct is not ours: a self-test tells whether it is the one that these offsets were read from.
 */
import koffi from 'koffi';
import { gzipSync } from 'node:zlib';
import { corruptGzip, type Inflater } from './inflater.ts';

const LIBRARY = 'libisal.so.2';
/** `struct inflate_state`: igzip_lib.h of version 2.30, x86-64. */
const STATE_BYTES = 87_368;
const NEXT_OUT = 0;
const AVAIL_OUT = 8;
const NEXT_IN = 16;
const AVAIL_IN = 32;
const BLOCK_STATE = 21_160;
const CRC_FLAG = 21_172;
/** `ISAL_GZIP`: header and trailer are read and checked. */
const GZIP = 1;
/** `ISAL_BLOCK_FINISH` */
const FINISHED = 5;
/** A struct that is larger than expected must not write into anything else before that is noticed. */
const SLACK_BYTES = 256 * 1024;
const CHUNK_BYTES = 1024 * 1024;

interface Library {
  init(state: Buffer): void;
  inflate(state: Buffer): number;
}

/** Makes an inflater, new or as an earlier run has left it. */
export type CreateIsalInflater = (resumeFrom?: Uint8Array) => Inflater;

/** `undefined` where ISA-L is not installed, or does not pass the self-test. Each thread tries it once. */
export function loadIsal(): CreateIsalInflater | undefined {
  tried ??= { create: tryIsal() };
  return tried.create;
}
let tried: { readonly create: CreateIsalInflater | undefined } | undefined;

function tryIsal(): CreateIsalInflater | undefined {
  try {
    const loaded = koffi.load(LIBRARY);
    const library: Library = {
      init: loaded.func('void isal_inflate_init(void *state)'),
      inflate: loaded.func('int isal_inflate(void *state)'),
    };
    return passesSelfTest(library) ? (resumeFrom) => new IsalInflater(library, resumeFrom) : undefined;
  } catch {
    return undefined;
  }
}

class IsalInflater implements Inflater {
  readonly #library: Library;
  readonly #state = Buffer.alloc(STATE_BYTES + SLACK_BYTES);
  readonly #output = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #outputAddress = koffi.address(this.#output);
  #members = 0;

  constructor(library: Library, resumeFrom?: Uint8Array) {
    this.#library = library;
    if (resumeFrom === undefined) this.#beginMember();
    else {
      this.#state.set(resumeFrom.subarray(0, STATE_BYTES));
      this.#members = 1;
    }
  }

  end(): void {
    if (!this.#isAtEnd) throw corruptGzip('ends too early');
  }

  state(): Uint8Array {
    return Uint8Array.from(this.#state.subarray(0, STATE_BYTES));
  }

  /** Whether something was written beyond the struct. */
  get hasOverrun(): boolean {
    return this.#state.subarray(STATE_BYTES).some((byte) => byte !== 0);
  }

  feed(piece: Uint8Array, write: (raw: Buffer) => void): void {
    const state = this.#state;
    const end = koffi.address(piece) + BigInt(piece.length);
    let left = piece.length;
    let isFull = false;
    while (left > 0 || isFull) {
      if (this.#isAtEnd) this.#beginMember();
      state.writeBigUInt64LE(end - BigInt(left), NEXT_IN);
      state.writeUInt32LE(left, AVAIL_IN);
      state.writeBigUInt64LE(this.#outputAddress, NEXT_OUT);
      state.writeUInt32LE(CHUNK_BYTES, AVAIL_OUT);
      const result = this.#library.inflate(state);
      if (result !== 0) {
        throw corruptGzip(this.#members === 1 ? 'is damaged' : 'is damaged, or has bytes after its end');
      }
      const producedBytes = CHUNK_BYTES - state.readUInt32LE(AVAIL_OUT);
      left = state.readUInt32LE(AVAIL_IN);
      // There may be more of it inside of the struct.
      isFull = producedBytes === CHUNK_BYTES && !this.#isAtEnd;
      if (producedBytes > 0) write(this.#output.subarray(0, producedBytes));
    }
  }

  get #isAtEnd(): boolean {
    return this.#state.readInt32LE(BLOCK_STATE) === FINISHED;
  }

  #beginMember(): void {
    this.#library.init(this.#state);
    this.#state.writeUInt32LE(GZIP, CRC_FLAG);
    this.#members++;
  }
}

/** Good members inflate, in pieces and across a state that was kept; damaged ones do not; nothing is written beyond the struct. */
function passesSelfTest(library: Library): boolean {
  const raw = Buffer.alloc(2 * CHUNK_BYTES, 'edgeboot inflates');
  const gzip = gzipSync(raw);
  const row = Buffer.concat([gzip, gzipSync(raw.subarray(0, 5))]);
  const damaged = Buffer.from(gzip);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 6) ^ 1, damaged.length - 6);
  const whole = Buffer.concat([raw, raw.subarray(0, 5)]);
  return inflatesTo(library, [row.subarray(0, 100), row.subarray(100)], whole) && !inflatesTo(library, [damaged], raw);
}

function inflatesTo(library: Library, pieces: readonly Buffer[], expected: Buffer): boolean {
  const produced: Buffer[] = [];
  try {
    let inflater = new IsalInflater(library);
    for (const piece of pieces) {
      inflater.feed(piece, (bytes) => produced.push(Buffer.from(bytes)));
      if (inflater.hasOverrun) return false;
      inflater = new IsalInflater(library, inflater.state());
    }
    inflater.end();
    return Buffer.concat(produced).equals(expected);
  } catch {
    return false;
  }
}
