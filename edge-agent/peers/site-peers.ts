/**
 * The other agents of the site, as this process has come to know them. Each gives what it has; one that fails, drips or lies is left
 * out for a while.
 */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { PartSource } from '../ports.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import {
  decodeFramesAnswer,
  type FramesAnswer,
  framesAnswerBytes,
  framesPath,
  type FramesQuestion,
  indexPath,
} from './peer-messages.ts';

const REST_SECONDS = 60;
const PATIENCE_SECONDS = 20;

export interface SitePeersOptions {
  readonly peers: readonly { readonly address: string; readonly source: PartSource }[];
  /** Not the one to the edge: what is near and what is far would be mistaken for each other. */
  readonly flow: TransferFlow;
  /** From 0 to less than 1: where in a disk this agent begins. Each begins elsewhere, so that not all fetch the same. */
  readonly begin: number;
  /** Told when a peer is left out. */
  readonly onLeftOut?: (address: string, error: EdgebootError) => void;
  /** How long a transfer waits for what peers say they are fetching, when nothing comes of it. */
  readonly patienceSeconds?: number;
}

/** What came of a question. The memory is the taker's until it settles. @returns whether all was what it should be */
export type TakeFrames = (bytes: Buffer, answer: FramesAnswer) => Promise<boolean>;

export class SitePeers {
  readonly begin: number;
  readonly patienceSeconds: number;
  readonly #options: SitePeersOptions;
  readonly #peers: readonly Peer[];
  #turn = 0;

  constructor(options: SitePeersOptions) {
    const { peers, begin, patienceSeconds = PATIENCE_SECONDS } = options;
    this.begin = begin;
    this.patienceSeconds = patienceSeconds;
    this.#options = options;
    this.#peers = peers.map(({ address, source }) => new Peer(address, source));
  }

  /** Those that may be asked now, each time beginning with another one. */
  inTurn(): readonly Peer[] {
    const first = this.#peers.length === 0 ? 0 : this.#turn++ % this.#peers.length;
    return [...this.#peers.slice(first), ...this.#peers.slice(0, first)].filter((peer) => !peer.isResting);
  }

  /**
   * Asks one peer. Answers whether it is fetching some of it at this moment. Throws what `take` throws, and the signal's reason; what is wrong with a
   * peer is no failure.
   * @param rawSizes of the frames that are asked for
   */
  async ask(
    peer: Peer,
    question: FramesQuestion,
    rawSizes: readonly number[],
    take: TakeFrames,
    signal: AbortSignal,
  ): Promise<boolean> {
    const request = { path: framesPath(question), sizeBytes: framesAnswerBytes(question) };
    const asked = await this.#try(peer, signal, (source) =>
      this.#options.flow.use(source, request, signal, async ({ bytes }) => {
        const answer = decodeFramesAnswer(bytes, question.firstFrame, rawSizes);
        const isGood = answer.offsets.size === 0 || (await asTaken(take(bytes, answer)));
        return { isGood, isComing: answer.states.includes('coming') };
      }),
    );
    if (asked === undefined) return false;
    if (asked.isGood) return asked.isComing;
    this.#leaveOut(peer, new EdgebootError('PART_CORRUPT', `${peer.address} gave a frame that is none`));
    return false;
  }

  /** The frame index of a disk, unverified; `undefined` where no peer has it. Throws the signal's reason. */
  async fetchIndex(
    disk: { readonly index: { readonly sha256: string; readonly sizeBytes: number } },
    isIt: (bytes: Buffer) => boolean,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const { sha256, sizeBytes } = disk.index;
    for (const peer of this.inTurn()) {
      const request = { path: indexPath(sha256), sizeBytes };
      const fetched = await this.#try(peer, signal, (source) => source.fetch(request, signal));
      if (fetched === undefined) continue;
      const { bytes } = fetched;
      if (isIt(bytes)) return bytes;
      this.#leaveOut(peer, new EdgebootError('PART_CORRUPT', `${peer.address} gave another frame index`));
    }
    return undefined;
  }

  /** `undefined` where the peer has not answered, or has nothing. */
  async #try<T>(peer: Peer, signal: AbortSignal, work: (source: PartSource) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(peer.source);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TakeFailure) throw error.cause;
      if (!hasCode(error)) throw error;
      if (error.code !== 'NOT_FOUND') this.#leaveOut(peer, error);
      return undefined;
    }
  }

  #leaveOut(peer: Peer, error: EdgebootError): void {
    if (!peer.isResting) this.#options.onLeftOut?.(peer.address, error);
    peer.rest();
  }
}

/** What is wrong here, not with the peer. */
class TakeFailure extends Error {}

async function asTaken<T>(taking: Promise<T>): Promise<T> {
  try {
    return await taking;
  } catch (cause) {
    throw new TakeFailure('taking frames failed', { cause });
  }
}

export class Peer {
  readonly address: string;
  /** Throws NOT_FOUND while the peer is left out, whoever has waited for his turn until then. */
  readonly source: PartSource;
  #restsUntilSeconds = -Infinity;

  constructor(address: string, source: PartSource) {
    this.address = address;
    this.source = {
      fetch: async (request, signal) => {
        if (this.isResting) throw new EdgebootError('NOT_FOUND', `${address} is left out`);
        return source.fetch(request, signal);
      },
    };
  }

  get isResting(): boolean {
    return performance.now() / 1000 < this.#restsUntilSeconds;
  }

  rest(): void {
    this.#restsUntilSeconds = performance.now() / 1000 + REST_SECONDS;
  }
}
