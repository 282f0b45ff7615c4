/** What a transfer moved, and where it came from: for progress, the timeline and the log. */
import type { Delivery } from '../ports.ts';

export interface TransferReport {
  /** Bytes that came over the network, verified (corrupt copies not counted). */
  readonly fetchedBytes: number;
  /** Bytes that this transfer had to fetch; compressed, what was there already left out. */
  readonly totalBytes: number;
  /** Bytes of the raw disk that were here already, in other disks. */
  readonly reusedBytes: number;
  /** Bytes of the raw disk that agents of the same site gave, verified; their compressed bytes are not in totalBytes. */
  readonly peerBytes: number;
  /** Requests that were answered and verified: whole parts, or ranges of them. */
  readonly fetchedObjects: number;
  readonly edges: readonly EdgeCount[];
}

/** Deliveries of one edge location. */
export interface EdgeCount {
  /** `undefined` where the source is no edge. */
  readonly edgeLocation: string | undefined;
  readonly hits: number;
  readonly misses: number;
  /** Where the source did not say. */
  readonly unknown: number;
}

export function startReport(totalBytes: number, reusedBytes = 0): TransferReport {
  return { fetchedBytes: 0, totalBytes, reusedBytes, peerBytes: 0, fetchedObjects: 0, edges: [] };
}

/** @param compressedBytes what these frames would have cost at the edge */
export function countPeerFrames(report: TransferReport, rawBytes: number, compressedBytes: number): TransferReport {
  const { peerBytes, totalBytes } = report;
  return { ...report, peerBytes: peerBytes + rawBytes, totalBytes: totalBytes - compressedBytes };
}

export function countDelivery(report: TransferReport, bytes: number, delivery: Delivery): TransferReport {
  const { edgeLocation, cacheHit } = delivery;
  const before = report.edges.find((edge) => edge.edgeLocation === edgeLocation);
  const { hits, misses, unknown } = before ?? { hits: 0, misses: 0, unknown: 0 };
  const counted: EdgeCount = {
    edgeLocation,
    hits: hits + (cacheHit === true ? 1 : 0),
    misses: misses + (cacheHit === false ? 1 : 0),
    unknown: unknown + (cacheHit === undefined ? 1 : 0),
  };
  return {
    ...report,
    fetchedBytes: report.fetchedBytes + bytes,
    fetchedObjects: report.fetchedObjects + 1,
    edges: [...report.edges.filter((edge) => edge !== before), counted],
  };
}
