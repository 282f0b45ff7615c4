/** A base as it is shown to people and to their scripts. Pure. */
import type { ImageLabel } from './base-folder.ts';
import type { StoredBase } from './stored-bases.ts';
import type { CachedBase } from './survey.ts';

export interface DescribedBase {
  readonly digest: string;
  readonly images: readonly ImageLabel[];
  readonly state: CachedBase['state'];
  /** How much of it is here, nearly; `undefined` where nobody knows. */
  readonly percent: number | undefined;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly isPinned: boolean;
  readonly isDamaged: boolean;
  /** Somebody fetches it or has it open. */
  readonly isBusy: boolean;
  /** Names of clusters. */
  readonly usedBy: readonly string[];
  readonly lastUsedAt: string;
}

export function describeBase(one: CachedBase): DescribedBase {
  const { base, images, state, sizeBytes, allocatedBytes, isPinned, isDamaged, isBusy, usedBy, lastUsedAt } = one;
  return {
    ...{ digest: base, images, state, percent: percentOf(one), sizeBytes, allocatedBytes },
    ...{ isPinned, isDamaged, isBusy, usedBy, lastUsedAt: lastUsedAt.toISOString() },
  };
}

/** What is allocated of what was expected: of the latter, zeros within a frame are not known before. */
export function percentOf({
  state,
  allocatedBytes,
  expectedBytes,
}: Pick<StoredBase, 'state' | 'allocatedBytes' | 'expectedBytes'>): number | undefined {
  if (state === 'complete') return 100;
  if (state === 'absent') return 0;
  return expectedBytes ? Math.min(99, Math.floor((allocatedBytes / expectedBytes) * 100)) : undefined;
}
