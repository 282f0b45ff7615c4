/** Errors as RFC 9457 problem documents. */
import type { Problem } from '#shared/api/problem.ts';
import { EdgebootError, ERROR_KINDS } from '#shared/errors.ts';

/** What is not ours shows nothing of its inside: the log has it, under the request id. */
export function problemOf(error: unknown, requestId?: string): Problem {
  const known =
    error instanceof EdgebootError
      ? error
      : new EdgebootError('INTERNAL', 'the request failed for a reason on our side');
  return {
    type: `urn:edgeboot:error:${known.code}`,
    title: known.code,
    status: ERROR_KINDS[known.code].httpStatus,
    detail: known.message,
    code: known.code,
    remedy: known.remedy,
    ...(requestId !== undefined && { requestId }),
  };
}
