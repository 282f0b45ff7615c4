/** Fetches all missing frames of a disk: many parts at once over the network, unpacked in worker threads. */
import { allSettled } from '../transfer/all-settled.ts';
import type { FrameFetcher } from './frame-fetcher.ts';
import { limitConcurrency } from '../transfer/limiter.ts';
import { type FrameRun, missingBytes, planPart } from './missing-runs.ts';
import { countDelivery, startReport, type TransferReport } from '../transfer/transfer-report.ts';
import { UnpackPool } from '../transfer/disk-workers.ts';

export interface FetchEverythingOptions {
  /** Requests in flight at once. */
  readonly connections: number;
  readonly unpackThreads: number;
  readonly report: (progress: TransferReport) => void;
  readonly signal: AbortSignal;
}

/**
 * Resolves when every frame is here. When it rejects, by the first failure or by the signal, all has come to rest: nothing is
 * fetched or written after that.
 */
export async function fetchEverything(fetcher: FrameFetcher, options: FetchEverythingOptions): Promise<TransferReport> {
  const { index, disk, partial } = fetcher.of;
  // Parts being unpacked do not hold back the network: their slots come on top of the connections'.
  const source = limitConcurrency(fetcher.of.source, options.connections);
  const slots = options.connections + options.unpackThreads;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const pool = new UnpackPool(options.unpackThreads);
  signal.addEventListener('abort', () => pool.stop(), { once: true });

  let report = startReport(missingBytes(index, disk, fetcher.isMissing));
  const fetchRun = async (run: FrameRun): Promise<void> => {
    const delivery = await fetcher.fetch(run, { source, signal, unpack: (unpacking) => pool.unpack(unpacking) });
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
  } finally {
    await pool.close();
  }
}
