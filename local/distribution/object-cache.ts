/** What one edge location holds in memory: least recently used objects go first; concurrent misses become one origin fetch. */
import type { EdgeAnswer } from './delivery.ts';
import type { Origin } from './origin.ts';

/** CloudFront's default where the origin does not say how long an object may be kept. */
const DEFAULT_TTL_SECONDS = 24 * 60 * 60;
/** Kept by CloudFront without the origin's leave; other refusals only with a max-age. */
const ALWAYS_KEPT_ERRORS = new Set([404, 405, 414, 500, 501, 502, 503, 504]);

/** As in `X-Cache`. */
export type CacheResult = 'Hit' | 'RefreshHit' | 'Miss';

export interface HeldObject extends EdgeAnswer {
  readonly fetchedAtMs: number;
  readonly freshUntilMs: number;
}

export interface ObjectCacheOptions {
  readonly origin: Origin;
  /** Larger objects are served but not kept. */
  readonly maxBytes: number;
  /** CloudFront's error caching minimum TTL. */
  readonly errorCachingSeconds: number;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

export class ObjectCache {
  readonly #options: ObjectCacheOptions;
  /** Least recently used first. */
  readonly #held = new Map<string, HeldObject>();
  readonly #underWay = new Map<string, Promise<{ object: HeldObject; result: CacheResult }>>();
  #heldBytes = 0;

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
  }

  /** A request that waits for another's fetch counts as a hit, as in CloudFront's logs. */
  async get(path: string): Promise<{ object: HeldObject; result: CacheResult }> {
    const held = this.#held.get(path);
    if (held !== undefined && this.#options.clock() < held.freshUntilMs) {
      this.#keep(path, held);
      return { object: held, result: 'Hit' };
    }
    const underWay = this.#underWay.get(path);
    if (underWay !== undefined) return { object: (await underWay).object, result: 'Hit' };
    const fetching = this.#fetch(path, held).finally(() => this.#underWay.delete(path));
    this.#underWay.set(path, fetching);
    return fetching;
  }

  purge(): void {
    this.#held.clear();
    this.#heldBytes = 0;
  }

  /** An expired object stays in service when the origin says that it is unchanged, and while the origin is in trouble. */
  async #fetch(path: string, expired: HeldObject | undefined): Promise<{ object: HeldObject; result: CacheResult }> {
    const good = expired?.status === 200 ? expired : undefined;
    const answer = await this.#options.origin.fetch(path, good?.headers['etag']);
    const nowMs = this.#options.clock();
    const unchanged = answer.status === 304 ? good : undefined;
    const stale = answer.status >= 500 ? good : undefined;
    const ttlSeconds = this.#ttlSeconds(unchanged ?? answer);
    const object: HeldObject = {
      ...(unchanged ?? stale ?? answer),
      fetchedAtMs: stale?.fetchedAtMs ?? nowMs,
      freshUntilMs: nowMs + ttlSeconds * 1000,
    };
    if (ttlSeconds > 0) this.#keep(path, object);
    else this.#drop(path);
    return { object, result: (unchanged ?? stale) === undefined ? 'Miss' : 'RefreshHit' };
  }

  /** By Cache-Control and Expires, else the default; errors are kept for the error caching minimum at least. */
  #ttlSeconds({ status, headers }: EdgeAnswer): number {
    const declared = declaredTtlSeconds(headers, this.#options.clock());
    if (status < 400) return declared ?? DEFAULT_TTL_SECONDS;
    if (declared === undefined && !ALWAYS_KEPT_ERRORS.has(status)) return 0;
    return Math.max(declared ?? 0, this.#options.errorCachingSeconds);
  }

  #keep(path: string, object: HeldObject): void {
    this.#drop(path);
    if (object.body.length > this.#options.maxBytes) return;
    this.#held.set(path, object);
    this.#heldBytes += object.body.length;
    for (const leastUsed of this.#held.keys()) {
      if (this.#heldBytes <= this.#options.maxBytes) break;
      this.#drop(leastUsed);
    }
  }

  #drop(path: string): void {
    this.#heldBytes -= this.#held.get(path)?.body.length ?? 0;
    this.#held.delete(path);
  }
}

/** @returns undefined where the origin says nothing. */
function declaredTtlSeconds(headers: EdgeAnswer['headers'], nowMs: number): number | undefined {
  const directives = (headers['cache-control'] ?? '').toLowerCase().split(/\s*,\s*/);
  if (directives.some((directive) => /^(?:no-store|no-cache|private)\b/.test(directive))) return 0;
  for (const name of ['s-maxage', 'max-age']) {
    const value = directives.find((directive) => directive.startsWith(`${name}=`))?.slice(name.length + 1);
    if (value !== undefined && /^\d+$/.test(value)) return Number(value);
  }
  if (directives.includes('immutable')) return 365 * 24 * 60 * 60;
  const expiresMs = Date.parse(headers['expires'] ?? '');
  return Number.isNaN(expiresMs) ? undefined : Math.max(0, (expiresMs - nowMs) / 1000);
}
