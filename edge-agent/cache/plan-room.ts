/** What must leave the cache so that something finds room, and in which order. Pure. */

export interface Removable {
  readonly base: string;
  readonly state: 'complete' | 'partial' | 'absent';
  readonly allocatedBytes: number;
  readonly lastUsedAt: Date;
  readonly isPinned: boolean;
  /** Clusters, by name: running, defined, or about to be. */
  readonly usedBy: readonly string[];
  /** Somebody fetches it or has it open. */
  readonly isBusy: boolean;
}

export interface CacheLimits {
  /** The most that the cache may take. */
  readonly maxBytes: number | undefined;
  /** What the file system keeps free. */
  readonly keepFreeBytes: number;
}

/** Of the cache and its file system, at one moment. */
export interface Space {
  readonly freeBytes: number;
  /** What all bases take. */
  readonly cachedBytes: number;
  /** What transfers that are under way have still to write. */
  readonly incomingBytes: number;
}

/** What is lacking, for either reason; 0 or less where there is room. */
export interface Lack {
  readonly onDiskBytes: number;
  readonly inCacheBytes: number;
}

export function lackOf(space: Space, limits: CacheLimits, neededBytes: number): Lack {
  const comingBytes = space.incomingBytes + neededBytes;
  const { maxBytes = Infinity } = limits;
  return {
    onDiskBytes: comingBytes + limits.keepFreeBytes - space.freeBytes,
    inCacheBytes: space.cachedBytes + comingBytes - maxBytes,
  };
}

export const lackingBytes = ({ onDiskBytes, inCacheBytes }: Lack): number => Math.max(0, onDiskBytes, inCacheBytes);

/** Neither pinned nor in use by anybody. */
export const isRemovable = ({ isPinned, usedBy, isBusy }: Removable): boolean =>
  !isPinned && !isBusy && usedBy.length === 0;

/** What may go, first the one to go first: what is not whole, then the least recently used. */
export function removalOrder<Base extends Removable>(bases: readonly Base[]): Base[] {
  const isWhole = ({ state }: Base): number => (state === 'complete' ? 1 : 0);
  return bases
    .filter(isRemovable)
    .sort((a, b) => isWhole(a) - isWhole(b) || a.lastUsedAt.getTime() - b.lastUsedAt.getTime());
}

/** As few as needed, in that order; all that may go where even that does not free so much. */
export function planRemovals<Base extends Removable>(bases: readonly Base[], bytesToFree: number): Base[] {
  const removals: Base[] = [];
  let freedBytes = 0;
  for (const base of removalOrder(bases)) {
    if (freedBytes >= bytesToFree) break;
    removals.push(base);
    freedBytes += base.allocatedBytes;
  }
  return removals;
}

export interface Need {
  /** Fails without so much. */
  readonly leastBytes: number;
  /** Goes well with so much. */
  readonly expectedBytes: number;
}

/**
 * What to remove before something is fetched; nothing, where that would not make room for the least of it.
 * @returns `undefined` where there is no room for it.
 */
export function planRoom<Base extends Removable>(
  bases: readonly Base[],
  space: Space,
  limits: CacheLimits,
  need: Need,
): Base[] | undefined {
  const removableBytes = sumOf(bases.filter(isRemovable));
  if (lackingBytes(lackOf(space, limits, need.leastBytes)) > removableBytes) return undefined;
  return planRemovals(bases, lackingBytes(lackOf(space, limits, need.expectedBytes)));
}

export const sumOf = (bases: readonly Pick<Removable, 'allocatedBytes'>[]): number =>
  bases.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
