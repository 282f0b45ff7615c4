/** A place that is asked where no other answers: the distribution by its name, when every address that was measured has gone away. */
import { hasCode } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';

/** So long it is asked first once it had to help out: the others may take their time to say that they do not answer. */
const PREFERRED_SECONDS = 30;

/**
 * After PART_UNAVAILABLE alone: who sends a corrupt copy is there. Where the last place does not answer either, the error is the
 * others'.
 * @param nowSeconds a monotonic clock, of any origin
 */
export function withLastPlace(
  source: PartSource,
  lastPlace: PartSource,
  nowSeconds = () => performance.now() / 1000,
): PartSource {
  let preferredUntil = -Infinity;
  const askLastPlace = (request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject | undefined> =>
    lastPlace.fetch(request, signal).catch(ifUnavailable);
  return {
    async fetch(request, signal) {
      const early = nowSeconds() < preferredUntil ? await askLastPlace(request, signal) : undefined;
      if (early !== undefined) return early;
      try {
        return await source.fetch(request, signal);
      } catch (error) {
        ifUnavailable(error);
        const late = await askLastPlace(request, signal);
        if (late === undefined) throw error;
        preferredUntil = nowSeconds() + PREFERRED_SECONDS;
        return late;
      }
    },
  };
}

/** Throws every other error again. */
function ifUnavailable(error: unknown): undefined {
  if (!hasCode(error, 'PART_UNAVAILABLE')) throw error;
  return undefined;
}
