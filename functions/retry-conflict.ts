/** Read, decide, write on condition that nothing changed meanwhile; where something did, from the start again. */
import { hasCode } from '#shared/errors.ts';

const MAX_ATTEMPTS = 5;

/**
 * Answers what `commit` answers. Only a CONFLICT of `commit` is worth another look at the row: what `decide` throws is final.
 * Throws CONFLICT when the row is different each time.
 */
export async function retryConflict<Decision, Result>(
  decide: () => Promise<Decision>,
  commit: (decision: Decision) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const decision = await decide();
    try {
      return await commit(decision);
    } catch (error) {
      if (!hasCode(error, 'CONFLICT') || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
