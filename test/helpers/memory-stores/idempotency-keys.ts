/** Idempotency keys in memory. */
import { EdgebootError } from '#shared/errors.ts';
import type { IdempotencyKey } from '../../../functions/ports.ts';

/** Of all stores together, as in the one table. */
export class MemoryIdempotencyKeys {
  readonly #made = new Map<string, { requestSha256: string; madeId: string }>();

  /** What the key has made before. */
  earlier(key: IdempotencyKey | undefined): string | undefined {
    const known = key && this.#made.get(`${key.memberId}#${key.key}`);
    if (known && known.requestSha256 !== key.requestSha256) {
      throw new EdgebootError('IDEMPOTENCY_MISMATCH', 'this Idempotency-Key was used for a different request');
    }
    return known?.madeId;
  }

  remember(key: IdempotencyKey | undefined, madeId: string): void {
    if (key) this.#made.set(`${key.memberId}#${key.key}`, { requestSha256: key.requestSha256, madeId });
  }
}
