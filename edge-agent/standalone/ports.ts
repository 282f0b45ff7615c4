/** What booting without a federation needs beside the ports of the steps. */
import type { PlanRequest } from '../core/plan-cluster.ts';
import type { FetchedDisks } from '../steps/fetched-image.ts';

/** A virtual cluster that a repository has: what is to be known of it before anything large is fetched. */
export interface FoundImage extends AsyncDisposable {
  readonly name: string;
  /** What its description wants otherwise than the standard. */
  readonly description: NonNullable<PlanRequest['description']>;
  /** From its description, where that says something. */
  readonly memoryMiB: { readonly frontend: number | undefined; readonly compute: number | undefined };
  /** Whether computes can be had of it. */
  readonly hasComputes: boolean;
  /** Fetches what is not here yet, verifies and assembles it. */
  fetch(options: FetchOptions): Promise<FetchedDisks>;
}

/** Without its repository, which whoever found it closes. */
export type UndisposedImage = Omit<FoundImage, keyof AsyncDisposable>;

export interface FetchOptions {
  readonly computes: number;
  readonly onProgress: (progress: FetchProgress) => void;
  /** Called before a base of the cache is opened or gets its final name: from then on it is not removed. */
  readonly claim: (bases: readonly string[]) => Promise<void>;
  /** For a person: first seen, changed, verified. */
  readonly onNotice: (notice: string) => void;
  readonly signal: AbortSignal;
}

export interface FetchProgress {
  readonly fetchedBytes: number;
  readonly totalBytes: number;
}

/** Opens a repository and finds one of its clusters. Throws NOT_FOUND, and what the repository throws. */
export type FindImage = (wanted: WantedImage, signal: AbortSignal) => Promise<FoundImage>;

export interface WantedImage {
  /** A directory, or an http or https address. */
  readonly repository: string;
  readonly name: string;
  /** The operator knows that the image is another one than at first sight. */
  readonly acceptChanges: boolean;
}
