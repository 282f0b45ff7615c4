/** The disposition `refetch`, beside the one who verifies: only he knows that a copy is corrupt. */
import { hasCode } from '#shared/errors.ts';

const MAX_REFETCHES = 3;

/**
 * Runs `attempt` (fetch and verify) again while it throws PART_CORRUPT, at most three times. It is told how many copies were
 * corrupt so far, for ObjectRequest.badCopies: a source that knows another edge begins there.
 */
export async function refetchWhileCorrupt<T>(attempt: (badCopies: number) => Promise<T>): Promise<T> {
  for (let badCopies = 0; ; badCopies++) {
    try {
      return await attempt(badCopies);
    } catch (error) {
      if (!hasCode(error, 'PART_CORRUPT') || badCopies >= MAX_REFETCHES) throw error;
    }
  }
}
