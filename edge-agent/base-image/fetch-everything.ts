/** Fetches all missing frames of a disk: many parts at once over the network, unpacked in worker threads. */
import { allSettled } from '../transfer/all-settled.ts';
import { copyLocalFrames, type LocalDisk } from './local-frames.ts';
import type { FrameFetcher } from './frame-fetcher.ts';
import { type FrameRun, missingBytes, planPart } from './missing-runs.ts';
import { countDelivery, startReport, type TransferReport } from '../transfer/transfer-report.ts';
import { DiskWorkers } from '../transfer/disk-workers.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { Unpacking } from '../transfer/unpack-frames.ts';

/** Parts begun at once: the flow lets as many of them through as help. */
const MOST_AT_ONCE = 128;

export interface FetchEverythingOptions {
  readonly flow: TransferFlow;
  readonly unpackThreads: number;
  /** Disks of this host that may hold some of the frames. */
  readonly localDisks: readonly LocalDisk[];
  readonly report: (progress: TransferReport) => void;
  readonly signal: AbortSignal;
}

/**
 * Resolves when every frame is here. When it rejects, by the first failure or by the signal, all has come to rest: nothing is
 * fetched or written after that.
 */
export async function fetchEverything(fetcher: FrameFetcher, options: FetchEverythingOptions): Promise<TransferReport> {
  const { index, disk, partial } = fetcher.of;
  const { flow } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  await using workers = new DiskWorkers(options.unpackThreads);
  signal.addEventListener('abort', () => workers.stop(), { once: true });

  const reusedBytes = await copyLocalFrames(fetcher, options.localDisks, workers, signal);
  let report = startReport(missingBytes(index, disk, fetcher.isMissing), reusedBytes);
  const unpack = (unpacking: Unpacking): Promise<void> => workers.unpackFrames(unpacking);
  const fetchRun = async (run: FrameRun): Promise<void> => {
    const delivery = await fetcher.fetch(run, { flow, signal, unpack });
    report = countDelivery(report, run.lengthBytes, delivery);
    options.report(report);
  };
  const fetchParts = async (parts: Iterator<(typeof disk.parts)[number]>): Promise<void> => {
    for (let next = parts.next(); next.done !== true; next = parts.next()) {
      signal.throwIfAborted();
      await allSettled(planPart(index, next.value.number, fetcher.isMissing).map(fetchRun));
    }
  };

  try {
    // A second round only where a reader's own fetch of a frame, which this one had left to it, has failed.
    while (!partial.presence.complete) {
      const parts = disk.parts.values();
      const running = Array.from({ length: MOST_AT_ONCE }, () => fetchParts(parts));
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
