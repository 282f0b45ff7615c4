/** What fetching one disk into a file is told, and what it answers. */
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';

export interface DiskRequest {
  readonly node: 'frontend' | 'compute';
  /** The complete, verified raw disk: there at the end, never before. What an interrupted run left beside it is gone on with. */
  readonly output: string;
  /** The way that the bytes take. */
  readonly flow: TransferFlow;
  /** Whether the disk is to survive the machine once it has its name. */
  readonly sync: boolean;
  /** Raw disks of this host that may hold parts of it: those are not fetched. */
  readonly reuse: readonly string[];
  /** Only tell what would be fetched. */
  readonly dryRun: boolean;
  /** Whose signature a manifest must bear (PEM); unless given, the key beside it is taken. */
  readonly publicKeyPem: string | undefined;
  /** For a person. */
  readonly onNotice: (notice: string) => void;
  readonly onProgress: (progress: TransferReport) => void;
  readonly signal: AbortSignal;
}

/** Of a fetch that was only planned. */
export interface PlannedFetch {
  readonly image: string;
  /** Unknown beforehand for older images. */
  readonly digest?: string;
  readonly sizeBytes?: number;
  readonly wouldFetchBytes: number;
}

export interface FetchedToFile {
  /** Its name, and version where it has one. */
  readonly image: string;
  /** Equal digests, equal disks: of the frame index, or of all files of an older image. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly transfer: TransferReport;
}
