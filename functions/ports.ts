/** What the control plane needs from the world, in its own words. The files in adapters/ implement these; compose.ts chooses. */
import type { Heartbeat } from '#shared/api/agents.ts';
import type { Image, ImageVersion } from '#shared/api/images.ts';
import type { CachedImage, Site } from '#shared/api/sites.ts';
import type { ConsumptionRow } from '#shared/api/usage.ts';
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import type { Grant } from '#shared/grant.ts';
import type { VersionUse } from '#shared/image/catalog.ts';
import type { AuditSubject } from '#shared/api/audit-trail.ts';
import type { ImageObjectKind } from '#shared/image/manifest.ts';
import type { SiteMessage } from '#shared/messages.ts';
import type { Quota, SiteAccess } from '#shared/site-access.ts';
import type { Warming } from '#shared/warming.ts';
import type { RunningCluster } from './consumption.ts';
import type { Member } from './http/identity.ts';
import type { RateClass } from './http/rate-limit.ts';

// ---- who asks how often --------------------------------------------------------------------------------------------------

export interface RateLimiter {
  /** Takes a token out of the caller's bucket of that class. Answers 0, or how many seconds there is none. */
  take(caller: string, rateClass: RateClass, now: Date): Promise<number>;
}

// ---- the outbox: what a committed decision still has to tell -----------------------------------------------------------

/** Written in the same transaction as the decision; delivered right after it, or by the sweep. */
export type OutboxEntry = {
  /** ULID: entries are delivered in its order. */
  readonly entryId: string;
  readonly createdAt: string;
} & (
  | { readonly kind: 'message'; readonly queueUrl: string; readonly message: SiteMessage }
  | { readonly kind: 'audit'; readonly record: AuditRecord }
);

export interface Outbox {
  add(entries: readonly OutboxEntry[]): Promise<void>;
  remove(entryId: string): Promise<void>;
  /** A page of the oldest entries that were written before `createdBefore` (ISO 8601), those after the entry `after`. */
  pending(createdBefore: string, after?: string): Promise<readonly OutboxEntry[]>;
}

/** The audit trail's log group. Resolves once the records are taken. */
export interface AuditLog {
  append(records: readonly AuditRecord[]): Promise<void>;
}

/** The same log group, for those who read it. */
export interface AuditTrail {
  /**
   * Records from `since` until before `until` (ISO 8601) that have all of these words in them, the oldest first, a page at a time: a page may be
   * empty while there are more. Words have neither quotes nor backslashes. Throws INVALID_REQUEST for a cursor that is none.
   */
  read(query: {
    readonly since: string;
    readonly until: string;
    readonly words: readonly string[];
    readonly cursor: string | undefined;
  }): Promise<{ readonly records: readonly AuditRecord[]; readonly nextCursor: string | undefined }>;
}

/** What began on a day, of which there must be records. */
export interface BegunStore {
  /** @param day YYYY-MM-DD, in UTC. By id, `limit` at most, those behind this id. */
  list(day: string, behind: string | undefined, limit: number): Promise<readonly AuditSubject[]>;
}

/** One queue per site. */
export interface DeploymentQueues {
  /** Makes the site's queue, redriving to the dead-letter queue. Idempotent. */
  create(siteId: string): Promise<{ queueUrl: string; queueArn: string }>;
  send(queueUrl: string, message: SiteMessage): Promise<void>;
}

// ---- deployments -------------------------------------------------------------------------------------------------------

export interface IdempotencyKey {
  readonly memberId: string;
  readonly key: string;
  /** Digest of the request: the same key with another request is refused. */
  readonly requestSha256: string;
}

/** What a member has at a site, or one deployment: of those that have not ended, the CPUs of their computes and their number. */
export interface Usage {
  readonly cpus: number;
  readonly clusters: number;
}

/** As an index knows it: the row may have moved on. */
export type UnsettledDeployment = Pick<Deployment, 'deploymentId' | 'siteId' | 'announcedAt'>;

export interface DeploymentStore {
  /**
   * One transaction: the row, who asked, its first event, the use of its image version, what it takes of the quota, the idempotency
   * record, the outbox. Where the key was used before, answers the deployment that it made then. Without a quota there is no limit.
   * Throws IDEMPOTENCY_MISMATCH; IMAGE_RECALLED and NOT_FOUND where the version was recalled or deleted meanwhile; QUOTA_EXCEEDED;
   * CONFLICT where others were in the way each time.
   */
  create(
    deployment: Deployment,
    event: DeploymentEvent,
    outbox: readonly OutboxEntry[],
    idempotencyKey: IdempotencyKey | undefined,
    quota?: Quota,
    asker?: Member,
  ): Promise<Deployment>;
  /** What the key has made before `now` (ISO 8601). Throws IDEMPOTENCY_MISMATCH. */
  findMade(idempotencyKey: IdempotencyKey, now: string): Promise<Deployment | undefined>;
  usage(memberId: string, siteId: string): Promise<Usage>;
  find(deploymentId: string): Promise<Deployment | undefined>;
  /** Who asked for it last, as their token said then. */
  findAsker(deploymentId: string): Promise<Member | undefined>;
  /**
   * One transaction, conditional on `before.version`: the row, who asked (where somebody did), an event (if any), the outbox, and by how
   * much it takes more of the quota, or less; one that ends by it gives all of it back, and uses its image version no more. Without a quota there is no limit.
   * Throws CONFLICT, also where the quota has no room for more.
   */
  replace(
    before: Deployment,
    after: Deployment,
    event: DeploymentEvent | undefined,
    outbox: readonly OutboxEntry[],
    quota?: Quota,
    asker?: Member,
  ): Promise<void>;
  /** Newest first, `limit` at most; those older than `before`, where it is given. */
  listByMember(memberId: string, before: string | undefined, limit: number): Promise<readonly Deployment[]>;
  /** Ids of those at the site that are not over, whoever's; newest first, `limit` at most, those older than `before`, where it is given. */
  listAtSite(siteId: string, before: string | undefined, limit: number): Promise<readonly string[]>;
  /**
   * Without an outcome, and not come on (`progressedAt`) since `stoodSince` (ISO 8601), or for a few minutes less: the row says when.
   * Those that stand the longest first, as exactly, `limit` at most.
   */
  listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledDeployment[]>;
  /** Those whose end is to be warned of, or brought about, by `now` (ISO 8601): see `endDueAt`. The earliest first, `limit` at most. */
  listEndsDue(now: string, limit: number): Promise<readonly UnsettledDeployment[]>;
  eventsAfter(deploymentId: string, sequence: number): Promise<readonly DeploymentEvent[]>;
}

// ---- warmings ----------------------------------------------------------------------------------------------------------

/** As an index knows it: the row may have moved on. */
export type UnsettledWarming = Pick<Warming, 'warmingId' | 'siteId' | 'announcedAt'>;

/** Rows are forgotten some time after the last message about them can be left. */
export interface WarmingStore {
  /**
   * One transaction: the row, who asked, the idempotency record, the outbox. Where the key was used before, answers the warming that it made
   * then. Throws IDEMPOTENCY_MISMATCH; IMAGE_RECALLED and NOT_FOUND where the version was recalled or deleted meanwhile.
   */
  create(
    warming: Warming,
    outbox: readonly OutboxEntry[],
    idempotencyKey: IdempotencyKey | undefined,
    asker?: Member,
  ): Promise<Warming>;
  /** What the key has made before, so that what has changed since is not asked again. Throws IDEMPOTENCY_MISMATCH. */
  findMade(idempotencyKey: IdempotencyKey, now: string): Promise<Warming | undefined>;
  find(warmingId: string): Promise<Warming | undefined>;
  /** Who asked for it, as their token said then. */
  findAsker(warmingId: string): Promise<Member | undefined>;
  /** One transaction, conditional on `before.version`: the row, the outbox. Throws CONFLICT. */
  replace(before: Warming, after: Warming, outbox: readonly OutboxEntry[]): Promise<void>;
  /** Not over; otherwise as with deployments. */
  listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledWarming[]>;
}

// ---- images and publishers ---------------------------------------------------------------------------------------------

export interface ImageStore {
  /** The image of that name; where there is none, this one, in one transaction with the outbox. */
  findOrCreate(image: Image, outbox: readonly OutboxEntry[]): Promise<Image>;
  findByName(imageName: string): Promise<Image | undefined>;
  findById(imageId: string): Promise<Image | undefined>;
  list(): Promise<readonly Image[]>;
  listVersions(imageId: string): Promise<readonly ImageVersion[]>;
  findVersion(imageId: string, version: number): Promise<ImageVersion | undefined>;
  /** One transaction, conditional on the version being the next one. Throws CONFLICT. */
  addVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void>;
  /**
   * Channels, how far removed ones had come, and sharing become those of `after`, in one transaction: conditional on `before.revision`
   * and, where a channel was pointed at a version, on its being neither recalled nor deleted. Throws CONFLICT.
   */
  replaceSettings(
    before: Image,
    after: Image,
    pointedAt: number | undefined,
    outbox: readonly OutboxEntry[],
  ): Promise<void>;
  /**
   * Deprecation or recall of a version become those of `version`, in one transaction, conditional on its being there and not recalled.
   * Once it is recalled, nothing new is made of it. Throws CONFLICT.
   */
  judgeVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<void>;
  /** One transaction, conditional on `image.revision`, and on no deployment's using the version. Throws CONFLICT. */
  deleteVersion(image: Image, version: number, outbox: readonly OutboxEntry[]): Promise<void>;
  /**
   * For a catalog that has lost rows: its name and itself where they are missing, with the outbox; nothing that is there is changed.
   * True where the image was missing. Throws CONFLICT where the name is another image's.
   */
  restoreImage(image: Image, outbox: readonly OutboxEntry[]): Promise<boolean>;
  /** The same for a version; false where it is there. Throws IMAGE_RECALLED and NOT_FOUND where it was recalled or deleted. */
  restoreVersion(version: ImageVersion, outbox: readonly OutboxEntry[]): Promise<boolean>;
  /** The deployments that use a version and are not over, oldest first. */
  listUses(imageId: string, version: number): Promise<readonly VersionUse[]>;
}

/** The origin bucket: `images/<imageId>/<kind>/<sha256>`. */
export interface ImageBucket {
  /** Ids of all images that have objects. */
  listImages(): Promise<readonly string[]>;
  /** Size of an object, or `undefined` where it is not there. */
  sizeOf(imageId: string, objectKind: ImageObjectKind, sha256: string): Promise<number | undefined>;
  /** Digests and sizes of all objects of a kind. */
  list(imageId: string, objectKind: ImageObjectKind): Promise<ReadonlyMap<string, number>>;
  /** Throws NOT_FOUND; INVALID_REQUEST where it is larger than `maxBytes`. */
  read(imageId: string, objectKind: ImageObjectKind, sha256: string, maxBytes: number): Promise<Buffer>;
  /** A PUT that takes exactly this content (its checksum is part of the signature), for some minutes. */
  presignUpload(
    imageId: string,
    objectKind: ImageObjectKind,
    sha256: string,
    sizeBytes: number,
  ): Promise<{ url: string; headers: Record<string, string> }>;
}

/** The certificates that the federation's root signed, by member. */
export type PublisherCertificates = ReadonlyMap<string, string>;

export interface PublisherStore {
  /** Reads the whole table: for repairs. */
  listCertificates(): Promise<PublisherCertificates>;
  /** The certificate that the federation's root signed for this member. */
  findCertificate(memberId: string): Promise<string | undefined>;
  saveCertificate(memberId: string, certificate: string, outbox: readonly OutboxEntry[]): Promise<void>;
}

// ---- usage -------------------------------------------------------------------------------------------------------------

/** What is consumed is counted by the stores of deployments and warmings, in their own transactions. Months are `YYYY-MM`, in UTC. */
export interface ConsumptionStore {
  listOf(memberId: string, month: string): Promise<readonly ConsumptionRow[]>;
  /** In the order of `consumptionKey`, `limit` at most, those behind this key. */
  list(month: string, behind: string | undefined, limit: number): Promise<readonly ConsumptionRow[]>;
  /** Clusters that run now: their time is counted when they run no more. */
  listRunningOf(memberId: string): Promise<readonly RunningCluster[]>;
  /** In the order of `runningKey`, `limit` at most, those behind this key. */
  listRunning(behind: string | undefined, limit: number): Promise<readonly RunningCluster[]>;
}

// ---- sites and agents --------------------------------------------------------------------------------------------------

/** A site as the control plane keeps it. */
export type SiteRecord = Site & {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly egressAddress?: string | undefined;
  readonly access: SiteAccess;
  /** What its agent has in the cache, as it said last. */
  readonly cached?: readonly CachedImage[] | undefined;
};

/**
 * What registering says about a site; `access` is for a new one alone. The rest of its record is the doing of its agent and its
 * operators.
 */
export type SiteSettings = Omit<
  SiteRecord,
  'operatorGroups' | 'enrolled' | 'drainingSince' | 'lastSeen' | keyof Heartbeat
> & {
  /** Those that are there, where it is left out; nobody at a new site. */
  readonly operatorGroups?: readonly string[] | undefined;
};

export interface AgentKey {
  readonly siteId: string;
  readonly publicKeyPem: string;
}

export interface SiteStore {
  /**
   * Registers a site with the digest of its one-time token. A site that is there gets the settings and the token instead of its
   * earlier ones, which are good no more; `createdAt`, what its agent has said and
   * what its operators have decided (`access`, `drainingSince`) stay.
   * Where the key has registered before, it changes nothing and answers the id of that registration. Throws IDEMPOTENCY_MISMATCH.
   */
  register(
    site: SiteSettings,
    token: { readonly sha256: string; readonly expiresAt: string },
    outbox: readonly OutboxEntry[],
    once?: { readonly registrationId: string; readonly idempotencyKey: IdempotencyKey },
  ): Promise<string | undefined>;
  /** The id of what the key has registered before `now` (ISO 8601). Throws IDEMPOTENCY_MISMATCH. */
  findRegistration(idempotencyKey: IdempotencyKey, now: string): Promise<string | undefined>;
  find(siteId: string): Promise<SiteRecord | undefined>;
  list(): Promise<readonly SiteRecord[]>;
  /** Draining since then (ISO 8601), or no more; one transaction with the outbox. Throws NOT_FOUND. */
  setDraining(siteId: string, since: string | undefined, outbox: readonly OutboxEntry[]): Promise<void>;
  /** One transaction with the outbox, conditional on the version before this one. Throws CONFLICT. */
  setAccess(siteId: string, access: SiteAccess, outbox: readonly OutboxEntry[]): Promise<void>;
  /**
   * Uses the token up and keeps the agent's key, in one transaction. Where the agent of this very key has used it before, and none has
   * enrolled since, changes nothing and answers false. Throws FORBIDDEN (not the site's present token, used, expired).
   */
  enroll(key: AgentKey, tokenSha256: string, now: string, outbox: readonly OutboxEntry[]): Promise<boolean>;
  findAgentKey(siteId: string): Promise<AgentKey | undefined>;
  /** Only an agent that is enrolled can say so: the row says it from then on, even if it was lost and registered anew. Throws NOT_FOUND. */
  recordHeartbeat(siteId: string, lastSeen: string, said: Heartbeat): Promise<void>;
}

/** What makes enrollment tokens unguessable. Readable by the role of the function that registers sites alone. */
export interface EnrollmentSecrets {
  /** 256 bits in base64url: the same for the same registration, and not to be had from its id alone. Throws SERVICE_UNAVAILABLE. */
  derive(registrationId: string): Promise<string>;
}

/** Short-lived credentials that reach one site's queue and nothing else. */
export interface SiteCredentials {
  open(
    siteId: string,
    queueArn: string,
  ): Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string }>;
}

// ---- signing -----------------------------------------------------------------------------------------------------------

export interface MintRequest {
  readonly imageId: string;
  /** Binds the signature to this viewer address. */
  readonly egressAddress: string | undefined;
}

/** Asks the mint function, the only one that can read the signing key. */
export interface UrlSigner {
  mint(request: MintRequest): Promise<Grant>;
}

/** The CloudFront key pair in use. Readable by the mint function's role alone. */
export interface SigningKeys {
  current(): Promise<{ readonly keyPairId: string; readonly privateKeyPem: string }>;
}
