/**
 * How often a caller may ask: a token bucket, kept as the one number that says when it is full again (the generic cell rate
 * algorithm of ATM, ITU-T I.371). Pure.
 */
import { EdgebootError } from '#shared/errors.ts';
import type { IdentityContext } from './identity.ts';

/** A class of operations: each caller has a bucket for each. */
export type RateClass = 'reads' | 'writes';

export interface RateLimit {
  /** So many at once, by one who has been quiet. */
  readonly capacity: number;
  /** One more becomes free each time that this has passed. */
  readonly refillMs: number;
}

/** Above what the command does, and the agents of a site: each sends one request with reports after the other. */
export const RATE_LIMITS: Readonly<Record<RateClass, RateLimit>> = {
  reads: { capacity: 400, refillMs: 20 },
  writes: { capacity: 200, refillMs: 25 },
};

/** A token is taken (the bucket is then full again at `fullAtMs`), or there is none for some seconds. */
export type Taken = { readonly fullAtMs: number } | { readonly waitSeconds: number };

/** @param fullAtMs what the last token taken has left; `undefined` before the first. */
export function takeToken(fullAtMs: number | undefined, limit: RateLimit, nowMs: number): Taken {
  const next = Math.max(nowMs, fullAtMs ?? nowMs) + limit.refillMs;
  const excessMs = next - nowMs - limit.capacity * limit.refillMs;
  return excessMs > 0 ? { waitSeconds: Math.ceil(excessMs / 1000) } : { fullAtMs: next };
}

export const rateClassOf = (method: string): RateClass => (method === 'GET' ? 'reads' : 'writes');

/** Whose bucket it is: a member's, or that of all agents of a site. */
export function rateCallerOf(identity: IdentityContext): string {
  return identity.kind === 'agent' ? `agent:${identity.siteId}` : `member:${identity.memberId}`;
}

/** Leaves the API with `Retry-After`. */
export class ThrottledError extends EdgebootError {
  readonly retryAfterSeconds: number;

  constructor(rateClass: RateClass, retryAfterSeconds: number) {
    super('THROTTLED', `too many ${rateClass} at once; the next may come in ${retryAfterSeconds} s`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
