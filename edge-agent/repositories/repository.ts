/** What a kind of repository is: the interface that each plug-in implements. docs/extending.md adds one. */
import type { LookupFunction } from 'node:net';
import type { PartSource } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';

/** One kind of repository that an address can name. One file each, one line in registry.ts. */
export interface RepositoryKind {
  /** Whether an address names a repository of this kind. Looks at the text alone. */
  accepts(address: string): boolean;
  /** Throws INVALID_CONFIG where the address is not fit, NOT_FOUND, FORBIDDEN, PART_UNAVAILABLE. */
  open(address: string, options: KindOptions): Promise<RepositoryFiles>;
}

export interface KindOptions {
  /** Most connections at once. */
  readonly connections: number;
  /** Finds hosts, instead of the system's resolver. Whoever connects to anything must use it. */
  readonly lookup: LookupFunction | undefined;
  /** The cap on all that this agent reads from the network; none unless given. */
  readonly bandwidth?: Bandwidth | undefined;
}

/**
 * An open repository as its kind made it. fetch() checks the request's path itself (requireRepositoryPath). It is asked for several
 * files at once, and never for anything once close() was called.
 */
export interface RepositoryFiles extends PartSource {
  /**
   * The path, for fetch(), of a file that vcdb.txt names: relative to the repository's root (requireRepositoryPath checks it), or
   * absolute in the kind's own sense. Never a URL. Throws INVALID_REQUEST (no name for a file), FORBIDDEN (it lies outside), NOT_FOUND.
   */
  resolve(named: string): Promise<string>;
  close(): Promise<void>;
}
