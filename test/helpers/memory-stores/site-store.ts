/** Sites in memory. */
import { EdgebootError } from '#shared/errors.ts';
import type { SiteAccess } from '#shared/site-access.ts';
import type {
  AgentKey,
  IdempotencyKey,
  OutboxEntry,
  SiteRecord,
  SiteSettings,
  SiteStore,
} from '../../../functions/ports.ts';
import type { MemoryIdempotencyKeys } from './idempotency-keys.ts';
import type { MemoryOutbox } from './outbox.ts';

export class MemorySiteStore implements SiteStore {
  readonly #sites = new Map<string, SiteRecord>();
  readonly #tokens = new Map<string, { readonly sha256: string; readonly expiresAt: string }>();
  readonly #agents = new Map<string, AgentKey & { readonly usedTokenSha256: string }>();
  readonly #keys: MemoryIdempotencyKeys;
  readonly #outbox: MemoryOutbox;

  constructor(outbox: MemoryOutbox, keys: MemoryIdempotencyKeys) {
    this.#outbox = outbox;
    this.#keys = keys;
  }

  async register(
    site: SiteSettings,
    token: { readonly sha256: string; readonly expiresAt: string },
    outbox: readonly OutboxEntry[],
    once?: { readonly registrationId: string; readonly idempotencyKey: IdempotencyKey },
  ): Promise<string | undefined> {
    const earlier = this.#keys.earlier(once?.idempotencyKey);
    if (earlier !== undefined) return earlier;
    const there = this.#sites.get(site.siteId);
    const { enrolled = false, drainingSince, lastSeen, free, agentVersion, cached } = there ?? {};
    const { createdAt, access } = there ?? site;
    const operatorGroups = [...(site.operatorGroups ?? there?.operatorGroups ?? [])];
    this.#sites.set(site.siteId, {
      ...site,
      ...{ createdAt, access, enrolled, operatorGroups },
      ...(drainingSince !== undefined && { drainingSince }),
      ...(lastSeen !== undefined && { lastSeen }),
      ...(free && { free }),
      ...(agentVersion !== undefined && { agentVersion }),
      ...(cached && { cached }),
    });
    this.#tokens.set(site.siteId, token);
    if (once) this.#keys.remember(once.idempotencyKey, once.registrationId);
    await this.#outbox.add(outbox);
    return undefined;
  }

  findRegistration(idempotencyKey: IdempotencyKey): Promise<string | undefined> {
    // Refused by a promise, as the table's store does.
    return Promise.resolve().then(() => this.#keys.earlier(idempotencyKey));
  }

  find(siteId: string): Promise<SiteRecord | undefined> {
    return Promise.resolve(this.#sites.get(siteId));
  }

  list(): Promise<readonly SiteRecord[]> {
    return Promise.resolve([...this.#sites.values()].sort((a, b) => (a.siteId < b.siteId ? -1 : 1)));
  }

  async setDraining(siteId: string, since: string | undefined, outbox: readonly OutboxEntry[]): Promise<void> {
    this.#sites.set(siteId, { ...this.#existing(siteId), drainingSince: since });
    await this.#outbox.add(outbox);
  }

  async setAccess(siteId: string, access: SiteAccess, outbox: readonly OutboxEntry[]): Promise<void> {
    const site = this.#sites.get(siteId);
    if (site?.access.version !== access.version - 1) {
      throw new EdgebootError(
        'CONFLICT',
        `the grants of ${siteId} are not those of version ${access.version - 1} any more`,
      );
    }
    this.#sites.set(siteId, { ...site, access });
    await this.#outbox.add(outbox);
  }

  #existing(siteId: string): SiteRecord {
    const site = this.#sites.get(siteId);
    if (!site) throw new EdgebootError('NOT_FOUND', `there is no site ${siteId}`);
    return site;
  }

  async enroll(key: AgentKey, tokenSha256: string, now: string, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const token = this.#tokens.get(key.siteId);
    const site = this.#sites.get(key.siteId);
    if (!token || !site || token.sha256 !== tokenSha256 || token.expiresAt <= now) {
      const agent = this.#agents.get(key.siteId);
      if (agent?.usedTokenSha256 === tokenSha256 && agent.publicKeyPem === key.publicKeyPem) return false;
      throw new EdgebootError('FORBIDDEN', 'the enrollment token is unknown, used, replaced or expired');
    }
    this.#tokens.delete(key.siteId);
    this.#agents.set(key.siteId, { ...key, usedTokenSha256: tokenSha256 });
    this.#sites.set(key.siteId, { ...site, enrolled: true });
    await this.#outbox.add(outbox);
    return true;
  }

  findAgentKey(siteId: string): Promise<AgentKey | undefined> {
    const agent = this.#agents.get(siteId);
    return Promise.resolve(agent && { siteId, publicKeyPem: agent.publicKeyPem });
  }

  recordHeartbeat(...[siteId, lastSeen, said]: Parameters<SiteStore['recordHeartbeat']>): Promise<void> {
    const site = this.#sites.get(siteId);
    if (!site) return Promise.reject(new EdgebootError('NOT_FOUND', `there is no site ${siteId}`));
    this.#sites.set(siteId, { ...site, lastSeen, enrolled: true, ...said });
    return Promise.resolve();
  }
}
