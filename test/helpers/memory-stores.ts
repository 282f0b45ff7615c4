/** The control plane's stores in memory: for tests of the flows, held to the same contracts as the real ones. */
import type { Image, ImageVersion } from '#shared/api/images.ts';
import { type Deployment, type DeploymentEvent, isOutcome, isTerminal } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { VersionUse } from '#shared/image/catalog.ts';
import type { Quota, SiteAccess } from '#shared/site-access.ts';
import { isWarmingOver, type Warming } from '#shared/warming.ts';
import { endDueAt } from '../../functions/deployment-end.ts';
import { RATE_LIMITS, type RateClass, takeToken } from '../../functions/http/rate-limit.ts';
import type {
  AgentKey,
  DeploymentStore,
  IdempotencyKey,
  ImageStore,
  Outbox,
  OutboxEntry,
  PublisherCertificates,
  PublisherStore,
  RateLimiter,
  SiteRecord,
  SiteSettings,
  SiteStore,
  UnsettledDeployment,
  UnsettledWarming,
  Usage,
  WarmingStore,
} from '../../functions/ports.ts';
import { requireRoom, usageOf } from '../../functions/site-quota.ts';

/** Small, so that what goes through pages has several. */
const PAGE_ENTRIES = 10;

export class MemoryRateLimiter implements RateLimiter {
  readonly #fullAtMs = new Map<string, number>();

  take(caller: string, rateClass: RateClass, now: Date): Promise<number> {
    const key = `${rateClass} ${caller}`;
    const taken = takeToken(this.#fullAtMs.get(key), RATE_LIMITS[rateClass], now.getTime());
    if ('waitSeconds' in taken) return Promise.resolve(taken.waitSeconds);
    this.#fullAtMs.set(key, taken.fullAtMs);
    return Promise.resolve(0);
  }
}

export class MemoryOutbox implements Outbox {
  readonly entries = new Map<string, OutboxEntry>();

  add(entries: readonly OutboxEntry[]): Promise<void> {
    for (const entry of entries) this.entries.set(entry.entryId, entry);
    return Promise.resolve();
  }

  remove(entryId: string): Promise<void> {
    this.entries.delete(entryId);
    return Promise.resolve();
  }

  pending(createdBefore: string, after = ''): Promise<readonly OutboxEntry[]> {
    const all = [...this.entries.values()].sort((a, b) => (a.entryId < b.entryId ? -1 : 1));
    const page = all.filter((entry) => entry.entryId > after && entry.createdAt < createdBefore);
    return Promise.resolve(page.slice(0, PAGE_ENTRIES));
  }
}

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

/** Who uses which image version, and which are closed: of all stores together, as in the one table. */
export class MemoryVersionUses {
  readonly #uses = new Map<string, Map<string, VersionUse>>();
  readonly #closed = new Map<string, 'recalled' | 'deleted'>();

  requireOpen({ imageId, imageVersion }: Pick<Deployment, 'imageId' | 'imageVersion'>): void {
    const closed = this.#closed.get(`${imageId}#${imageVersion}`);
    if (closed === undefined) return;
    throw new EdgebootError(closed === 'recalled' ? 'IMAGE_RECALLED' : 'NOT_FOUND', `it was ${closed} a moment ago`);
  }

  close(imageId: string, version: number, why: 'recalled' | 'deleted'): void {
    this.#closed.set(`${imageId}#${version}`, why);
  }

  begin({ deploymentId, memberId, siteId, imageId, imageVersion }: Deployment): void {
    this.#of(imageId, imageVersion).set(deploymentId, { deploymentId, memberId, siteId });
  }

  end({ deploymentId, imageId, imageVersion }: Deployment): void {
    this.#of(imageId, imageVersion).delete(deploymentId);
  }

  list(imageId: string, version: number): VersionUse[] {
    return [...this.#of(imageId, version).values()].sort((a, b) => (a.deploymentId < b.deploymentId ? -1 : 1));
  }

  #of(imageId: string, version: number): Map<string, VersionUse> {
    const uses = this.#uses.get(`${imageId}#${version}`) ?? new Map<string, VersionUse>();
    this.#uses.set(`${imageId}#${version}`, uses);
    return uses;
  }
}

export class MemoryDeploymentStore implements DeploymentStore {
  readonly #rows = new Map<string, Deployment>();
  readonly #events: DeploymentEvent[] = [];
  readonly #keys: MemoryIdempotencyKeys;
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, keys: MemoryIdempotencyKeys, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#keys = keys;
    this.#uses = uses;
  }

  async create(
    deployment: Deployment,
    event: DeploymentEvent,
    outbox: readonly OutboxEntry[],
    key: IdempotencyKey | undefined,
    quota: Quota = {},
  ): Promise<Deployment> {
    const earlier = this.#keys.earlier(key);
    if (earlier !== undefined) return this.#rows.get(earlier) as Deployment;
    this.#uses.requireOpen(deployment);
    requireRoom(deployment, this.#usage(deployment.memberId, deployment.siteId), quota);
    this.#keys.remember(key, deployment.deploymentId);
    this.#uses.begin(deployment);
    this.#rows.set(deployment.deploymentId, deployment);
    this.#events.push(event);
    await this.#outbox.add(outbox);
    return deployment;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection, too
  async findMade(key: IdempotencyKey): Promise<Deployment | undefined> {
    const madeId = this.#keys.earlier(key);
    return madeId === undefined ? undefined : this.#rows.get(madeId);
  }

  usage(memberId: string, siteId: string): Promise<Usage> {
    return Promise.resolve(this.#usage(memberId, siteId));
  }

  /** Counted anew each time: the measure for what counts along. */
  #usage(memberId: string, siteId: string): Usage {
    const rows = [...this.#rows.values()].filter((row) => row.memberId === memberId && row.siteId === siteId);
    const usages = rows.filter(({ phase }) => !isTerminal(phase)).map(usageOf);
    return { cpus: usages.reduce((sum, { cpus }) => sum + cpus, 0), clusters: usages.length };
  }

  find(deploymentId: string): Promise<Deployment | undefined> {
    return Promise.resolve(this.#rows.get(deploymentId));
  }

  async replace(
    before: Deployment,
    after: Deployment,
    event: DeploymentEvent | undefined,
    outbox: readonly OutboxEntry[],
  ): Promise<void> {
    if (this.#rows.get(before.deploymentId)?.version !== before.version) {
      throw new EdgebootError('CONFLICT', 'the deployment was changed at the same time');
    }
    this.#rows.set(after.deploymentId, after);
    if (isTerminal(after.phase) && !isTerminal(before.phase)) this.#uses.end(before);
    if (event) this.#events.push(event);
    await this.#outbox.add(outbox);
  }

  listByMember(memberId: string, before: string | undefined, limit: number): Promise<readonly Deployment[]> {
    const own = [...this.#rows.values()].filter((row) => row.memberId === memberId);
    const older = own.filter((row) => before === undefined || row.deploymentId < before);
    return Promise.resolve(older.sort((a, b) => (a.deploymentId > b.deploymentId ? -1 : 1)).slice(0, limit));
  }

  listUnsettled(unchangedSince: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const isWanted = ({ phase, desired }: Deployment): boolean => !isOutcome(phase, desired);
    return Promise.resolve(longestUntouched(this.#rows.values(), unchangedSince, limit, isWanted));
  }

  listEndsDue(now: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const due = [...this.#rows.values()].flatMap((row) => {
      const { deploymentId, siteId } = row;
      const dueAt = endDueAt(row);
      return dueAt !== undefined && dueAt <= now ? [{ deploymentId, siteId, dueAt }] : [];
    });
    due.sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1));
    return Promise.resolve(due.slice(0, limit).map(({ deploymentId, siteId }) => ({ deploymentId, siteId })));
  }

  eventsAfter(deploymentId: string, sequence: number): Promise<readonly DeploymentEvent[]> {
    const own = this.#events.filter((event) => event.deploymentId === deploymentId && event.sequence > sequence);
    return Promise.resolve(own.sort((a, b) => a.sequence - b.sequence));
  }
}

function longestUntouched<Row extends { readonly updatedAt: string }>(
  rows: Iterable<Row>,
  unchangedSince: string,
  limit: number,
  isWanted: (row: Row) => boolean,
): Row[] {
  const quiet = [...rows].filter((row) => isWanted(row) && row.updatedAt < unchangedSince);
  return quiet.sort((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1)).slice(0, limit);
}

export class MemoryWarmingStore implements WarmingStore {
  readonly #rows = new Map<string, Warming>();
  readonly #keys: MemoryIdempotencyKeys;
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, keys: MemoryIdempotencyKeys, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#keys = keys;
    this.#uses = uses;
  }

  async create(warming: Warming, outbox: readonly OutboxEntry[], key: IdempotencyKey | undefined): Promise<Warming> {
    const earlier = this.#keys.earlier(key);
    if (earlier !== undefined) return this.#rows.get(earlier) as Warming;
    this.#uses.requireOpen(warming);
    this.#keys.remember(key, warming.warmingId);
    this.#rows.set(warming.warmingId, warming);
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

  async replace(before: Warming, after: Warming, outbox: readonly OutboxEntry[]): Promise<void> {
    if (this.#rows.get(before.warmingId)?.version !== before.version) {
      throw new EdgebootError('CONFLICT', 'the warming was changed at the same time');
    }
    this.#rows.set(after.warmingId, after);
    await this.#outbox.add(outbox);
  }

  listUnsettled(unchangedSince: string, limit: number): Promise<readonly UnsettledWarming[]> {
    return Promise.resolve(
      longestUntouched(this.#rows.values(), unchangedSince, limit, (warming) => !isWarmingOver(warming)),
    );
  }
}

export class MemoryImageStore implements ImageStore {
  readonly #images = new Map<string, Image>();
  #versions: readonly ImageVersion[] = [];
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#uses = uses;
  }

  async findOrCreate(image: Image, outbox: readonly OutboxEntry[]): Promise<Image> {
    const there = this.#named(image.imageName);
    if (there) return there;
    this.#images.set(image.imageId, image);
    await this.#outbox.add(outbox);
    return image;
  }

  findByName(imageName: string): Promise<Image | undefined> {
    return Promise.resolve(this.#named(imageName));
  }

  #named(imageName: string): Image | undefined {
    return [...this.#images.values()].find((image) => image.imageName === imageName);
  }

  findById(imageId: string): Promise<Image | undefined> {
    return Promise.resolve(this.#images.get(imageId));
  }

  list(): Promise<readonly Image[]> {
    return Promise.resolve([...this.#images.values()].sort((a, b) => (a.imageName < b.imageName ? -1 : 1)));
  }

  listVersions(imageId: string): Promise<readonly ImageVersion[]> {
    return Promise.resolve(this.#versions.filter((version) => version.imageId === imageId));
  }

  findVersion(imageId: string, version: number): Promise<ImageVersion | undefined> {
    return Promise.resolve(this.#version(imageId, version));
  }

  #version(imageId: string, version: number): ImageVersion | undefined {
    return this.#versions.find((one) => one.imageId === imageId && one.version === version);
  }

  async addVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const image = this.#images.get(version.imageId);
    if (image?.latestVersion !== version.version - 1) {
      throw new EdgebootError('CONFLICT', `version ${version.version} is not the next one of ${version.imageName}`);
    }
    this.#images.set(image.imageId, { ...image, latestVersion: version.version });
    this.#versions = [...this.#versions, version];
    await this.#outbox.add(outbox);
  }

  async replaceSettings(
    ...[before, after, pointedAt, outbox]: Parameters<ImageStore['replaceSettings']>
  ): Promise<void> {
    const { imageId } = before;
    const image = this.#requireUnchanged(before);
    try {
      if (pointedAt !== undefined) this.#uses.requireOpen({ imageId, imageVersion: pointedAt });
    } catch (error) {
      throw new EdgebootError('CONFLICT', 'the version was recalled or deleted at the same time', { cause: error });
    }
    const { channels = {}, sharing = { with: 'members' }, revision } = after;
    this.#images.set(imageId, { ...image, channels, sharing, revision });
    await this.#outbox.add(outbox);
  }

  async judgeVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void> {
    const there = this.#version(version.imageId, version.version);
    if (!there || there.recall) throw new EdgebootError('CONFLICT', 'the version was changed at the same time');
    this.#versions = this.#versions.map((one) => (one === there ? version : one));
    if (version.recall) this.#uses.close(version.imageId, version.version, 'recalled');
    await this.#outbox.add(outbox);
  }

  async deleteVersion(image: Image, version: number, outbox: readonly OutboxEntry[]): Promise<void> {
    this.#requireUnchanged(image);
    const there = this.#version(image.imageId, version);
    if (!there || this.#uses.list(image.imageId, version).length > 0) {
      throw new EdgebootError('CONFLICT', 'the version is used, or was changed at the same time');
    }
    this.#versions = this.#versions.filter((one) => one !== there);
    this.#uses.close(image.imageId, version, 'deleted');
    await this.#outbox.add(outbox);
  }

  async restoreImage(image: Image, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId, imageName } = image;
    if ((this.#named(imageName)?.imageId ?? imageId) !== imageId) {
      throw new EdgebootError('CONFLICT', `the name ${imageName} is another image's`);
    }
    if (this.#images.has(imageId)) return false;
    this.#images.set(imageId, image);
    await this.#outbox.add(outbox);
    return true;
  }

  async restoreVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const { imageId } = version;
    if (this.#version(imageId, version.version)) return false;
    this.#uses.requireOpen({ imageId, imageVersion: version.version });
    this.#versions = [...this.#versions, version].sort((a, b) => a.version - b.version);
    await this.#outbox.add(outbox);
    return true;
  }

  listUses(imageId: string, version: number): Promise<readonly VersionUse[]> {
    return Promise.resolve(this.#uses.list(imageId, version));
  }

  #requireUnchanged({ imageId, revision }: Image): Image {
    const image = this.#images.get(imageId);
    if (image && image.revision === revision) return image;
    throw new EdgebootError('CONFLICT', 'the image was changed at the same time');
  }
}

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

export class MemoryPublisherStore implements PublisherStore {
  readonly #certificates = new Map<string, string>();
  readonly #outbox: MemoryOutbox;

  constructor(outbox: MemoryOutbox) {
    this.#outbox = outbox;
  }

  listCertificates(): Promise<PublisherCertificates> {
    return Promise.resolve(this.#certificates);
  }

  findCertificate(memberId: string): Promise<string | undefined> {
    return Promise.resolve(this.#certificates.get(memberId));
  }

  async saveCertificate(memberId: string, certificate: string, outbox: readonly OutboxEntry[]): Promise<void> {
    this.#certificates.set(memberId, certificate);
    await this.#outbox.add(outbox);
  }
}
