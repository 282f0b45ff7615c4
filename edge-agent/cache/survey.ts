/** Who uses what of the cache, and how much room there is: a look at the file system, the locks, the journal and the processes. */
import { statfs } from 'node:fs/promises';
import { type Removable, type Space, sumOf } from './plan-room.ts';
import { type InodeName, readStoredBases, type StoredBase } from './stored-bases.ts';

export type Release = () => Promise<void>;

export interface CachePorts {
  /** Between all processes of this host. Throws the signal's reason. */
  readonly holdLock: (name: string, signal?: AbortSignal) => Promise<Release>;
  /** `undefined` where somebody else has it. */
  readonly tryHoldLock: (name: string) => Promise<Release | undefined>;
  /** What processes of this host have open. */
  readonly openInodes: () => Promise<ReadonlySet<InodeName>>;
  /** Which bases the clusters of this host need, those included that are about to be booted. */
  readonly needs: () => Promise<readonly BaseNeed[]>;
}

export interface BaseNeed {
  readonly base: string;
  readonly deploymentId: string;
  /** The cluster's name. */
  readonly cluster: string;
}

export interface CachedBase extends StoredBase, Removable {
  /** Some process has it open. */
  readonly isOpen: boolean;
}

/** Held by whoever fetches the base. */
export const lockOfBase = (cacheDirectory: string, base: string): string => `base image ${cacheDirectory}/${base}`;

/**
 * Everything that is here, and who needs it. What it says of use holds as long as nobody else has the cache's turn.
 * @param except a deployment whose needs do not count
 */
export async function survey(cacheDirectory: string, ports: CachePorts, except?: string): Promise<CachedBase[]> {
  const [stored, needs, opened] = await Promise.all([
    readStoredBases(cacheDirectory),
    ports.needs(),
    ports.openInodes(),
  ]);
  return Promise.all(
    stored.map(async (one) => {
      const uses = needs.filter(({ base, deploymentId }) => base === one.base && deploymentId !== except);
      const isOpen = one.inodes.some((inode) => opened.has(inode));
      const isBusy = isOpen || (await isLocked(cacheDirectory, one, ports));
      return { ...one, usedBy: uses.map(({ cluster }) => cluster), isOpen, isBusy };
    }),
  );
}

/** @param coming the base that is about to be fetched: what is still to come of it is counted by whoever asks. */
export async function measureSpace(
  cacheDirectory: string,
  stored: readonly StoredBase[],
  ports: Pick<CachePorts, 'tryHoldLock'>,
  coming?: string,
): Promise<Space> {
  const { bavail, bsize } = await statfs(cacheDirectory);
  const incoming = await Promise.all(
    stored.map(async (one) => {
      const leftBytes = Math.max(0, (one.expectedBytes ?? 0) - one.allocatedBytes);
      const isComing = one.state !== 'complete' && one.base !== coming && leftBytes > 0;
      return isComing && (await isLocked(cacheDirectory, one, ports)) ? leftBytes : 0;
    }),
  );
  const incomingBytes = incoming.reduce((sum, bytes) => sum + bytes, 0);
  return { freeBytes: bavail * bsize, cachedBytes: sumOf(stored), incomingBytes };
}

async function isLocked(
  cacheDirectory: string,
  { base }: StoredBase,
  { tryHoldLock }: Pick<CachePorts, 'tryHoldLock'>,
): Promise<boolean> {
  const release = await tryHoldLock(lockOfBase(cacheDirectory, base));
  await release?.();
  return release === undefined;
}
