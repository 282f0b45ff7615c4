/** What an operator's wish to make room removes. Pure. */
import {
  type CacheLimits,
  lackingBytes,
  lackOf,
  planRemovals,
  type Removable,
  removalOrder,
  type Space,
  sumOf,
} from './plan-room.ts';

export interface PruneWish {
  /** Every complete base, too. */
  readonly all: boolean;
  /** Complete ones, too, until the cache takes no more than this. */
  readonly toBytes: number | undefined;
}

/** What is not whole goes in any case, and so does what the limits do not allow. Never what is pinned or in use. */
export function planPrune<Base extends Removable>(
  bases: readonly Base[],
  space: Space,
  limits: CacheLimits,
  { all, toBytes = Infinity }: PruneWish,
): Base[] {
  const removable = removalOrder(bases);
  if (all) return removable;
  const lacking = new Set(
    planRemovals(bases, Math.max(lackingBytes(lackOf(space, limits, 0)), sumOf(bases) - toBytes)),
  );
  return removable.filter((one) => one.state !== 'complete' || lacking.has(one));
}
