/** The disposition `renew`, around a source that reads the grant when a request starts: directly around it, inside every retry. */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { PartSource } from '../ports.ts';
import type { GrantHolder } from './grant-holder.ts';

/**
 * Asks for a new grant when the edge refuses the present one, and repeats the request once; refused again, it is FORBIDDEN. An
 * edge does not say why it denies access (a moved egress address, a revoked right): that too is worth one renewal.
 */
export function renewing(source: PartSource, grants: GrantHolder): PartSource {
  return {
    async fetch(request, signal) {
      const grant = grants.current();
      try {
        return await source.fetch(request, signal);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await grants.replace(grant);
      }
      signal.throwIfAborted();
      try {
        return await source.fetch(request, signal);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        throw new EdgebootError('FORBIDDEN', `The edge refuses a fresh grant, too: ${error.message}`);
      }
    },
  };
}

function isRefusal(error: unknown): error is EdgebootError {
  return hasCode(error) && (error.disposition === 'renew' || error.code === 'FORBIDDEN');
}
