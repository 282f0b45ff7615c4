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

/** Sizes are rounded up to this, so that a piece serves many. */
const GRAIN_BYTES = 512 * 1024;

export class TransferMemory {
  readonly #limitBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: Waiting[] = [];
  /** Free or held. */
  #allocatedBytes = 0;
  #heldPieces = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
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
    const memory = this.#takeFree(sizeBytes) ?? this.#allocate(sizeBytes);
    if (memory === undefined) return undefined;
    this.#heldPieces++;
    let held = true;
    return {
      bytes: Buffer.from(memory, 0, sizeBytes),
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#heldPieces--;
        this.#free.push(memory);
        this.#serve();
      },
    };
  }

  /** The smallest that is large enough. */
  #takeFree(sizeBytes: number): SharedArrayBuffer | undefined {
    const fitting = this.#free.filter(({ byteLength }) => byteLength >= sizeBytes);
    const [best] = fitting.sort((a, b) => a.byteLength - b.byteLength);
    if (best !== undefined) this.#free.splice(this.#free.indexOf(best), 1);
    return best;
  }

  #allocate(sizeBytes: number): SharedArrayBuffer | undefined {
    const wantedBytes = Math.ceil(sizeBytes / GRAIN_BYTES) * GRAIN_BYTES;
    // Those that are free are too small: they make room for a larger one.
    while (this.#allocatedBytes + wantedBytes > this.#limitBytes) {
      const dropped = this.#free.pop();
      if (dropped === undefined) break;
      this.#allocatedBytes -= dropped.byteLength;
    }
    if (this.#allocatedBytes + wantedBytes > this.#limitBytes && this.#heldPieces > 0) return undefined;
    this.#allocatedBytes += wantedBytes;
    return new SharedArrayBuffer(wantedBytes);
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
