/**
 * Fetches all missing frames of a disk: many parts at once over the network, unpacked in worker threads. What agents of the same site
 * have comes from them; what they are fetching at this moment is left for a later round.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PartDescription } from '#shared/image/manifest.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import { allSettled } from '../transfer/all-settled.ts';
import { copyLocalFrames, type LocalDisk } from './local-frames.ts';
import type { FrameFetcher } from './frame-fetcher.ts';
import { type FrameRun, missingBytes, planPart } from './missing-runs.ts';
import { takePeerFrames } from './peer-frames.ts';
import { countDelivery, countPeerFrames, startReport, type TransferReport } from '../transfer/transfer-report.ts';
import { DiskWorkers } from '../transfer/disk-workers.ts';
import { Limiter } from '../transfer/limiter.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { Unpacking } from '../transfer/unpack-frames.ts';

/** Parts begun at once: the flow lets as many of them through as help. */
const MOST_AT_ONCE = 128;
/** With peers, fewer: a part that is begun is one that they leave to this agent. */
const MOST_AT_ONCE_WITH_PEERS = 32;
/** Parts that peers are asked for at once: what they answer is soon out of date. */
const MOST_ASKED_FOR = 4;
/** Until peers are asked again for what they were fetching. */
const ROUND_SECONDS = 0.2;

export interface FetchEverythingOptions {
  readonly flow: TransferFlow;
  readonly unpackThreads: number;
  /** Disks of this host that may hold some of the frames. */
  readonly localDisks: readonly LocalDisk[];
  /** The site's other agents; `undefined` where it has none. */
  readonly peers: SitePeers | undefined;
  readonly report: (progress: TransferReport) => void;
  readonly signal: AbortSignal;
}

/**
 * Resolves when every frame is here. When it rejects, by the first failure or by the signal, all has come to rest: nothing is
 * fetched or written after that.
 */
export async function fetchEverything(fetcher: FrameFetcher, options: FetchEverythingOptions): Promise<TransferReport> {
  const { index, disk, partial } = fetcher.of;
  const { flow, peers } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  await using workers = new DiskWorkers(options.unpackThreads);
  signal.addEventListener('abort', () => workers.stop(), { once: true });

  const reusedBytes = await copyLocalFrames(fetcher, options.localDisks, workers, signal);
  let report = startReport(missingBytes(index, disk, fetcher.isMissing), reusedBytes);
  const unpack = (unpacking: Unpacking): Promise<void> => workers.unpackFrames(unpacking);
  const patience = new Patience(peers?.patienceSeconds ?? 0);
  const tell = (progress: TransferReport): void => {
    report = progress;
    patience.renew();
    options.report(report);
  };
  const fetchRun = async (run: FrameRun): Promise<void> => {
    const delivery = await fetcher.fetch(run, { flow, signal, unpack });
    tell(countDelivery(report, run.lengthBytes, delivery));
  };
  const asking = new Limiter(() => MOST_ASKED_FOR);
  /** Whether peers are fetching what is still missing of the part. */
  const takeFromPeers = async ({ number }: PartDescription): Promise<boolean> => {
    if (peers === undefined) return false;
    const { rawBytes, compressedBytes, isComing } = await asking.run(() =>
      takePeerFrames(number, fetcher, peers, workers, signal),
    );
    if (rawBytes > 0) tell(countPeerFrames(report, rawBytes, compressedBytes));
    return isComing && planPart(index, number, fetcher.isMissing).length > 0 && patience.lasts();
  };
  /** Parts of this round that peers are fetching. */
  const coming = new Set<number>();
  const fetchParts = async (parts: Iterator<PartDescription>): Promise<void> => {
    for (let next = parts.next(); next.done !== true; next = parts.next()) {
      signal.throwIfAborted();
      if (await takeFromPeers(next.value)) coming.add(next.value.number);
      else await allSettled(planPart(index, next.value.number, fetcher.isMissing).map(fetchRun));
    }
  };

  try {
    // A second round only where peers were fetching something, or a reader's own fetch, which this one had left to it, has failed.
    while (!partial.presence.complete) {
      if (coming.size > 0) await delay(ROUND_SECONDS * 1000, undefined, { signal });
      coming.clear();
      const parts = inTurn(disk.parts, peers?.begin ?? 0).values();
      const slots = peers === undefined ? MOST_AT_ONCE : MOST_AT_ONCE_WITH_PEERS;
      const running = Array.from({ length: slots }, () => fetchParts(parts));
      for (const slot of running) slot.catch((error: unknown) => failed.abort(error));
      await allSettled(running);
      await fetcher.settle(0, index.frameCount);
    }
    return report;
  } catch (error) {
    // What stopped the others is the reason, not how each of them noticed.
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * All of them, from somewhere in the middle; half of the agents go backward, so that two who meet pass each other, and do not go on side
 * by side. @param begin from 0 to less than 1
 */
function inTurn<T>(things: readonly T[], begin: number): readonly T[] {
  const first = Math.floor(begin * things.length);
  const forward = [...things.slice(first), ...things.slice(0, first)];
  return begin < 0.5 ? forward : forward.toReversed();
}

/** For peers that say that they are fetching something. Once it has ended, it does not come back. */
class Patience {
  readonly #seconds: number;
  #since = performance.now();
  #hasEnded = false;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** Something has arrived. */
  renew(): void {
    this.#since = performance.now();
  }

  lasts(): boolean {
    this.#hasEnded ||= performance.now() - this.#since > this.#seconds * 1000;
    return !this.#hasEnded;
  }
}
