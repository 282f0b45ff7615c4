/**
 * The way from a source into the memory, and on to whoever consumes it: as many requests at once as help, never more bytes than the
 * memory has room for. What waits to be consumed holds memory, but no connection.
 */
import type { Delivery, FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import { AdaptiveConnections, type ConnectionBounds } from './adaptive-connections.ts';
import { Limiter } from './limiter.ts';
import { TransferMemory } from './memory.ts';
import { refetchWhileCorrupt } from './refetch.ts';

export interface FlowOptions {
  readonly connections: ConnectionBounds;
  readonly memoryBytes: number;
}

/** A request that tells how long its answer will be. */
export type SizedRequest = Omit<ObjectRequest, 'badCopies' | 'into' | 'onAnswer' | 'onBytes'> & {
  readonly sizeBytes: number;
};

export class TransferFlow {
  readonly #connections: AdaptiveConnections;
  readonly #memory: TransferMemory;
  readonly #limiter: Limiter;
  #unused = 0;

  constructor({ connections, memoryBytes }: FlowOptions) {
    this.#connections = new AdaptiveConnections(connections);
    this.#memory = new TransferMemory(memoryBytes);
    this.#limiter = new Limiter(() => this.#requestsAtOnce());
  }

  /**
   * Fetches, then gives what came to `consume`, whose memory it is until that settles; fetches again while `consume` says that it is
   * corrupt. Requests begin in the order of the calls, and none of them ever waits for a later one: what is fetched again keeps its
   * memory, and waits for no turn. Throws what the source and `consume` throw, PART_CORRUPT when four copies were corrupt, and the
   * signal's reason.
   */
  async use<T>(
    source: PartSource,
    request: SizedRequest,
    signal: AbortSignal,
    consume: (fetched: FetchedObject) => Promise<T>,
  ): Promise<T> {
    const { piece, first } = await this.#limiter.run(async () => {
      const taken = await this.#memory.take(answerBytes(request), signal);
      const fetching = this.#fetch(source, { ...request, into: taken.bytes }, signal);
      await fetching.catch(() => undefined);
      // Before its slot is free, or one more than there may be would begin.
      this.#unused++;
      return { piece: taken, first: fetching };
    });
    using held = piece;
    try {
      return await refetchWhileCorrupt(async (badCopies) => {
        const again = { ...request, badCopies, into: held.bytes };
        const fetched = await (badCopies === 0 ? first : this.#fetch(source, again, signal));
        signal.throwIfAborted();
        return consume(fetched);
      });
    } finally {
      this.#unused--;
      this.#limiter.admit();
    }
  }

  /**
   * What has come and is not used up counts, too: more would only fill the memory, and be lost by a kill. Requests begin in order, so
   * whoever waits for an earlier one waits for one that is under way.
   */
  #requestsAtOnce(): number {
    return this.#connections.limit - this.#unused;
  }

  async #fetch(source: PartSource, request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> {
    const begin = now();
    const onAnswer = (delivery: Delivery): void => this.#connections.answered(now() - begin, delivery);
    const onBytes = (bytes: number): void => this.#connections.arrived(bytes, this.#unused, now());
    return source.fetch({ ...request, onAnswer, onBytes }, signal);
  }
}

function answerBytes({ range, sizeBytes }: SizedRequest): number {
  if (range === undefined) return sizeBytes;
  return 'lastBytes' in range ? Math.min(range.lastBytes, sizeBytes) : range.lengthBytes;
}

const now = (): number => performance.now() / 1000;
