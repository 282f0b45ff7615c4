/** Warmings in memory. */
import { EdgebootError } from '#shared/errors.ts';
import { isWarmingOver, type Warming } from '#shared/warming.ts';
import type { Member } from '../../../functions/http/identity.ts';
import type { IdempotencyKey, OutboxEntry, UnsettledWarming, WarmingStore } from '../../../functions/ports.ts';
import type { MemoryOutbox } from './outbox.ts';
import type { MemoryIdempotencyKeys } from './idempotency-keys.ts';
import type { MemoryVersionUses } from './version-uses.ts';
import { standingLongest } from './standing-longest.ts';

export class MemoryWarmingStore implements WarmingStore {
  readonly #rows = new Map<string, Warming>();
  readonly #askers = new Map<string, Member>();
  readonly #keys: MemoryIdempotencyKeys;
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, keys: MemoryIdempotencyKeys, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#keys = keys;
    this.#uses = uses;
  }

  async create(
    warming: Warming,
    outbox: readonly OutboxEntry[],
    key: IdempotencyKey | undefined,
    asker?: Member,
  ): Promise<Warming> {
    const earlier = this.#keys.earlier(key);
    if (earlier !== undefined) return this.#rows.get(earlier) as Warming;
    this.#uses.requireOpen(warming);
    this.#keys.remember(key, warming.warmingId);
    this.#rows.set(warming.warmingId, warming);
    if (asker) this.#askers.set(warming.warmingId, asker);
    await this.#outbox.add(outbox);
    return warming;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection, too
  async findMade(key: IdempotencyKey): Promise<Warming | undefined> {
    const madeId = this.#keys.earlier(key);
    return madeId === undefined ? undefined : this.#rows.get(madeId);
  }

  find(warmingId: string): Promise<Warming | undefined> {
    return Promise.resolve(this.#rows.get(warmingId));
  }

  findAsker(warmingId: string): Promise<Member | undefined> {
    return Promise.resolve(this.#askers.get(warmingId));
  }

  async replace(before: Warming, after: Warming, outbox: readonly OutboxEntry[]): Promise<void> {
    if (this.#rows.get(before.warmingId)?.version !== before.version) {
      throw new EdgebootError('CONFLICT', 'the warming was changed at the same time');
    }
    this.#rows.set(after.warmingId, after);
    await this.#outbox.add(outbox);
  }

  listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledWarming[]> {
    return Promise.resolve(
      standingLongest(this.#rows.values(), stoodSince, limit, (warming) => !isWarmingOver(warming)),
    );
  }
}
