/** Errors as RFC 9457 problem documents. */
import type { Problem } from '#shared/api.ts';
import { EdgebootError, ERROR_KINDS } from '#shared/errors.ts';

/** What is not ours shows nothing of its inside: the log has it, under the request id. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (!(error instanceof EdgebootError)) {
    return {
      type: 'about:blank',
      title: 'Internal error',
      status: 500,
      detail: 'The request failed for a reason on our side.',
      code: 'INTERNAL',
      remedy: 'Try again; if it fails again, tell the federation operator the request id.',
      requestId,
    };
  }
  return {
    type: `urn:edgeboot:error:${error.code}`,
    title: error.code,
    status: ERROR_KINDS[error.code].httpStatus,
    detail: error.message,
    code: error.code,
    remedy: error.remedy,
    requestId,
  };
}
