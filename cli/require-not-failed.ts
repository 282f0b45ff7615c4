/** What was watched and failed is the command's failure, too, with the agent's own words. */
import type { Failure } from '#shared/deployment.ts';
import { EdgebootError, isErrorCode } from '#shared/errors.ts';

export function requireNotFailed({ phase, failure }: { phase: string; failure?: Failure | undefined }): void {
  if (phase !== 'FAILED' && failure === undefined) return;
  const code = failure?.code ?? 'INTERNAL';
  throw new EdgebootError(isErrorCode(code) ? code : 'INTERNAL', failure?.message ?? 'it failed', {
    ...(failure && { remedy: failure.remedy }),
  });
}
