/**
 * Memory for what is on its way from the network to the disk: bounded, and used again and again, since allocating it anew for every
 * answer is what keeps the garbage collector busy. It is shared with the threads that write the disk.
 */

/** Memory that somebody holds. Disposing of it gives it back: whoever still has the bytes must not touch them then. */
export interface Piece extends Disposable {
  /** Exactly as long as was asked for; what it contains is left over from others. */
  readonly bytes: Buffer;
}

interface Waiting {
  readonly sizeBytes: number;
  readonly resolve: (piece: Piece) => void;
}

/** Pieces are made of slots of this size. */
const SLOT_BYTES = 512 * 1024;

export class TransferMemory {
  /** One for all: what nobody has used yet takes no room in the machine, and nothing waits for the collector. */
  readonly #arena: SharedArrayBuffer;
  readonly #isTaken: Uint8Array;
  readonly #waiting: Waiting[] = [];
  #heldPieces = 0;
  #isOversizeHeld = false;

  constructor(limitBytes: number) {
    const slots = Math.floor(limitBytes / SLOT_BYTES);
    this.#arena = new SharedArrayBuffer(slots * SLOT_BYTES);
    this.#isTaken = new Uint8Array(slots);
  }

  /**
   * Waits, in order, until there is room. Whoever wants more than the limit gets it when nobody else holds anything. Throws the
   * signal's reason when it was aborted.
   */
  async take(sizeBytes: number, signal: AbortSignal): Promise<Piece> {
    signal.throwIfAborted();
    const piece = this.#waiting.length === 0 ? this.#tryTake(sizeBytes) : undefined;
    return piece ?? this.#wait(sizeBytes, signal);
  }

  #wait(sizeBytes: number, signal: AbortSignal): Promise<Piece> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        sizeBytes,
        resolve: (piece) => {
          signal.removeEventListener('abort', onAbort);
          resolve(piece);
        },
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        this.#serve();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is the caller's own
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #tryTake(sizeBytes: number): Piece | undefined {
    const slots = Math.ceil(sizeBytes / SLOT_BYTES);
    if (slots > this.#isTaken.length) return this.#takeOversize(sizeBytes);
    const first = this.#isOversizeHeld ? undefined : this.#findFree(slots);
    if (first === undefined) return undefined;
    this.#isTaken.fill(1, first, first + slots);
    const bytes = Buffer.from(this.#arena, first * SLOT_BYTES, sizeBytes);
    return this.#hold(bytes, () => this.#isTaken.fill(0, first, first + slots));
  }

  /** The first row of free slots: what lies further back stays untouched as long as it can. */
  #findFree(slots: number): number | undefined {
    for (let first = 0; first + slots <= this.#isTaken.length; first++) {
      const lastTaken = this.#isTaken.subarray(first, first + slots).lastIndexOf(1);
      if (lastTaken === -1) return first;
      first += lastTaken;
    }
    return undefined;
  }

  #takeOversize(sizeBytes: number): Piece | undefined {
    if (this.#heldPieces > 0) return undefined;
    this.#isOversizeHeld = true;
    return this.#hold(Buffer.from(new SharedArrayBuffer(sizeBytes)), () => {
      this.#isOversizeHeld = false;
    });
  }

  #hold(bytes: Buffer, release: () => void): Piece {
    this.#heldPieces++;
    let isHeld = true;
    return {
      bytes,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#heldPieces--;
        release();
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const piece = this.#tryTake(next.sizeBytes);
      if (piece === undefined) return;
      this.#waiting.shift();
      next.resolve(piece);
    }
  }
}
