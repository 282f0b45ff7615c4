/** The transfers of all disks of an image as one: told now and then while they run, summed up at the end. */
import type { Progress, Timeline } from '#shared/deployment.ts';
import { startReport, type TransferReport } from '../transfer/transfer-report.ts';

const INTERVAL_MS = 2_000;

interface Disk {
  readonly parts: readonly { readonly sizeBytes: number }[];
}

export class CombinedProgress {
  readonly #tell: (progress: Progress) => void;
  readonly #reports: TransferReport[];
  readonly #partsTotal: number;
  #toldAt = performance.now();

  constructor(disks: readonly Disk[], tell: (progress: Progress) => void) {
    this.#tell = tell;
    this.#reports = disks.map(({ parts }) => startReport(parts.reduce((sum, part) => sum + part.sizeBytes, 0)));
    this.#partsTotal = disks.reduce((sum, { parts }) => sum + parts.length, 0);
  }

  /** @param position of the disk, as given to the constructor. */
  update(position: number, report: TransferReport): void {
    this.#reports[position] = report;
    if (performance.now() - this.#toldAt < INTERVAL_MS) return;
    this.#toldAt = performance.now();
    this.#tell({
      bytesFetched: this.#sum((one) => one.fetchedBytes),
      bytesTotal: this.#sum((one) => one.totalBytes),
      partsFetched: this.#sum((one) => one.fetchedObjects),
      partsTotal: this.#partsTotal,
    });
  }

  summary(): Pick<
    Timeline,
    'bytesFetched' | 'bytesFromPeers' | 'partsFetched' | 'edgeLocations' | 'cacheHits' | 'cacheMisses'
  > {
    const edges = this.#reports.flatMap((report) => report.edges);
    const named = edges.flatMap(({ edgeLocation }) => (edgeLocation === undefined ? [] : [edgeLocation]));
    const bytesFromPeers = this.#sum((one) => one.peerBytes);
    return {
      bytesFetched: this.#sum((one) => one.fetchedBytes),
      ...(bytesFromPeers > 0 && { bytesFromPeers }),
      partsFetched: this.#sum((one) => one.fetchedObjects),
      edgeLocations: [...new Set(named)],
      cacheHits: edges.reduce((sum, edge) => sum + edge.hits, 0),
      cacheMisses: edges.reduce((sum, edge) => sum + edge.misses, 0),
    };
  }

  #sum(value: (report: TransferReport) => number): number {
    return this.#reports.reduce((sum, report) => sum + value(report), 0);
  }
}
