/** Sites in memory. */
import { EdgebootError } from '#shared/errors.ts';
import type { SiteAccess } from '#shared/site-access.ts';
import type { AgentKey, OutboxEntry, SiteRecord, SiteSettings, SiteStore } from '../../../functions/ports.ts';
import type { MemoryOutbox } from './outbox.ts';

export class MemorySiteStore implements SiteStore {
  readonly #sites = new Map<string, SiteRecord>();
  readonly #tokens = new Map<string, { readonly sha256: string; readonly expiresAt: string }>();
  readonly #keys = new Map<string, AgentKey>();
  readonly #outbox: MemoryOutbox;

  constructor(outbox: MemoryOutbox) {
    this.#outbox = outbox;
  }

  async register(
    site: SiteSettings,
    token: { readonly sha256: string; readonly expiresAt: string },
    outbox: readonly OutboxEntry[],
  ): Promise<void> {
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
    await this.#outbox.add(outbox);
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

  async enroll(key: AgentKey, tokenSha256: string, now: string, outbox: readonly OutboxEntry[]): Promise<void> {
    const token = this.#tokens.get(key.siteId);
    const site = this.#sites.get(key.siteId);
    if (!token || !site || token.sha256 !== tokenSha256 || token.expiresAt <= now) {
      throw new EdgebootError('FORBIDDEN', 'the enrollment token is unknown, used, replaced or expired');
    }
    this.#tokens.delete(key.siteId);
    this.#keys.set(key.siteId, key);
    this.#sites.set(key.siteId, { ...site, enrolled: true });
    await this.#outbox.add(outbox);
  }

  findAgentKey(siteId: string): Promise<AgentKey | undefined> {
    return Promise.resolve(this.#keys.get(siteId));
  }

  recordHeartbeat(...[siteId, lastSeen, said]: Parameters<SiteStore['recordHeartbeat']>): Promise<void> {
    const site = this.#sites.get(siteId);
    if (!site) return Promise.reject(new EdgebootError('NOT_FOUND', `there is no site ${siteId}`));
    this.#sites.set(siteId, { ...site, lastSeen, ...said });
    return Promise.resolve();
  }
}
