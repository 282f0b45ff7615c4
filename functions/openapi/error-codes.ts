/** Which codes of shared/errors.ts an operation may answer with. */
import type { ErrorCode } from '#shared/errors.ts';
import type { Operation } from './operations.ts';

/** No caller can bring these about, none can rule them out. */
export const FAULTS: readonly ErrorCode[] = ['SERVICE_UNAVAILABLE', 'INTERNAL'];

/** Beside FAULTS: those of the row itself, and those that follow from who calls, from the path and from what is sent. */
export function errorCodesOf(route: string, operation: Operation): readonly ErrorCode[] {
  const { caller, idempotent, errors = [] } = operation;
  const codes = new Set<ErrorCode>(errors).add('INVALID_REQUEST');
  if (caller !== 'anyone') codes.add('UNAUTHENTICATED').add('THROTTLED');
  if (caller === 'agent') codes.add('FORBIDDEN');
  if (route.includes('{')) codes.add('NOT_FOUND');
  if (!route.startsWith('GET ')) codes.add('REQUEST_TOO_LARGE');
  if (idempotent) codes.add('IDEMPOTENCY_MISMATCH');
  return [...codes];
}
