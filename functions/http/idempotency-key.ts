import { createHash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';
import type { IdempotencyKey } from '../ports.ts';
import type { ApiRequest } from './api-handler.ts';
import type { Member } from './identity.ts';

export const IDEMPOTENCY_KEY = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/, 'must be 8 to 64 letters, digits, - or _');

/** The `Idempotency-Key` header, where the client sent one. Throws INVALID_REQUEST for one that is no plain token. */
export function readIdempotencyKey(request: ApiRequest): string | undefined {
  const key = request.header('idempotency-key');
  if (key !== undefined && !IDEMPOTENCY_KEY.safeParse(key).success) {
    throw new EdgebootError('INVALID_REQUEST', 'Idempotency-Key must be 8 to 64 letters, digits, - or _');
  }
  return key;
}

/** As the stores keep it: a member's own, and bound to the request that it came with first. */
export function idempotencyKeyOf(
  { memberId }: Member,
  key: string | undefined,
  request: object,
): IdempotencyKey | undefined {
  if (key === undefined) return undefined;
  return { memberId, key, requestSha256: createHash('sha256').update(JSON.stringify(request)).digest('hex') };
}
