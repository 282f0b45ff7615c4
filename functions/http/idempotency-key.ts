import { EdgebootError } from '#shared/errors.ts';
import type { ApiRequest } from './api-handler.ts';

/** The `Idempotency-Key` header, where the client sent one. Throws INVALID_REQUEST for one that is no plain token. */
export function readIdempotencyKey(request: ApiRequest): string | undefined {
  const key = request.header('idempotency-key');
  if (key !== undefined && !/^[A-Za-z0-9_-]{8,64}$/.test(key)) {
    throw new EdgebootError('INVALID_REQUEST', 'Idempotency-Key must be 8 to 64 letters, digits, - or _');
  }
  return key;
}
