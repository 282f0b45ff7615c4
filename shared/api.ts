/** The HTTP API, version 1: what requests and answers hold. Members, agents and the functions share these schemas. */
import * as z from 'zod';
import { auditRecordSchema } from './audit.ts';
import { deploymentEventSchema, deploymentSchema, failureSchema, PHASES } from './deployment.ts';
import { grantSchema } from './grant.ts';
import { channelsSchema, REASON, sharingSchema, verdictSchema, versionUseSchema } from './image/catalog.ts';
import { type ImageObjectKind, MAX_INDEX_BYTES, MAX_PART_OBJECT_BYTES, MAX_PARTS } from './image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES } from './image/signed-manifest.ts';
import {
  CHANNEL,
  GROUP,
  IMAGE_NAME,
  MEMBER_ID,
  SHA256,
  SITE_ID,
  SSH_PUBLIC_KEY,
  ULID,
  VERSION_NUMBER,
} from './names.ts';
import { MAX_HOURS, siteAccessSchema } from './site-access.ts';
import { warmingSchema } from './warming.ts';

/** OAuth 2.0 Protected Resource Metadata (RFC 9728): where members log in. */
export const protectedResourceResponse = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.url()).min(1),
});

/** The API's description of itself. */
export const openApiResponse = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });

// ---- images ---------------------------------------------------------------------------------------------------------

export const beginImageRequest = z.strictObject({ imageName: IMAGE_NAME });
export const beginImageResponse = z.object({ imageId: ULID, imageName: IMAGE_NAME, nextVersion: z.int().positive() });

/** Presigned URLs are long: they are handed out for this many objects at a time. */
export const MAX_UPLOADS_PER_REQUEST = 256;

/** Largest objects that may be uploaded: as large as the schema of the manifest lets a part and an index be. */
export const MAX_UPLOAD_BYTES: Readonly<Record<ImageObjectKind, number>> = {
  manifests: MAX_SIGNED_MANIFEST_BYTES,
  indexes: MAX_INDEX_BYTES,
  parts: MAX_PART_OBJECT_BYTES,
};

const uploadOf = <Kind extends ImageObjectKind>(objectKind: Kind) =>
  z.strictObject({
    objectKind: z.literal(objectKind),
    sha256: SHA256,
    sizeBytes: z.int().positive().max(MAX_UPLOAD_BYTES[objectKind]),
  });

export const uploadsRequest = z.strictObject({
  objects: z
    .array(z.discriminatedUnion('objectKind', [uploadOf('manifests'), uploadOf('indexes'), uploadOf('parts')]))
    .min(1)
    .max(MAX_UPLOADS_PER_REQUEST),
});
export const uploadsResponse = z.object({
  /** In the order of the request. An object that is there already needs no upload. */
  uploads: z.array(
    z.object({
      sha256: SHA256,
      upload: z.object({ url: z.url(), headers: z.record(z.string(), z.string()) }).optional(),
    }),
  ),
});

export const publishVersionRequest = z.strictObject({ manifestSha256: SHA256 });

export const imageVersionSchema = z.object({
  imageId: ULID,
  imageName: IMAGE_NAME,
  version: z.int().positive(),
  manifestSha256: SHA256,
  manifestSizeBytes: z.int().positive(),
  publisherId: z.string(),
  /** The publisher's certificate, signed by the federation's root: with it the manifest's signature is checked. */
  publisherCertificate: z.string(),
  /** Apparent sizes of the disks. */
  diskSizeBytes: z.object({ frontend: z.int().positive(), compute: z.int().positive().optional() }),
  /** Bytes of all parts as they lie in the bucket. */
  storedBytes: z.int().nonnegative(),
  parts: z
    .int()
    .nonnegative()
    .max(2 * MAX_PARTS),
  createdAt: z.iso.datetime(),
  /** It may still be deployed. */
  deprecation: verdictSchema.optional(),
  /** For ever: it may not be deployed or warmed any more. */
  recall: verdictSchema.optional(),
});
export type ImageVersion = z.infer<typeof imageVersionSchema>;

export const imageSchema = z.object({
  imageId: ULID,
  imageName: IMAGE_NAME,
  ownerId: z.string(),
  /** 0 while nothing has been published under the name. */
  latestVersion: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  channels: channelsSchema.optional(),
  /** With every member where absent. */
  sharing: sharingSchema.optional(),
  /** Counts the changes of channels and sharing, from 0 where absent; each of them is conditional on it. */
  revision: z.int().positive().optional(),
});
export type Image = z.infer<typeof imageSchema>;
export const imageListResponse = z.object({ images: z.array(imageSchema) });
export const imageResponse = imageSchema.extend({ versions: z.array(imageVersionSchema) });

export const channelRequest = z.strictObject({ version: z.int().positive() });
export const shareImageRequest = z.strictObject({ sharing: sharingSchema });
/** Of a deprecation or a recall. */
export const verdictRequest = z.strictObject({ reason: REASON });
/** With the deployments that use the version and are not over: their members should know. */
export const recallResponse = z.object({ version: imageVersionSchema, deployments: z.array(versionUseSchema) });
export type Recalled = z.infer<typeof recallResponse>;
/** What was deleted. */
export const deleteVersionResponse = z.object({ imageName: IMAGE_NAME, version: z.int().positive() });

// ---- trust ----------------------------------------------------------------------------------------------------------

export const certifyPublisherRequest = z.strictObject({ certificate: z.string().max(16_384) });
/** The member whose key is certified. */
export const certifyPublisherResponse = z.object({ memberId: z.string() });
export const trustResponse = z.object({
  rootPublicKeyPem: z.string(),
  /** The asking member's own certificate, once the federation's operator has signed one. */
  certificate: z.string().optional(),
});

// ---- sites ----------------------------------------------------------------------------------------------------------

/** Registering a site again replaces its name and address, which are cleared where they are left out, and its operators where they are given. */
export const registerSiteRequest = z.strictObject({
  siteId: SITE_ID,
  displayName: z.string().min(1).max(128),
  /** The first grant: members of any of these groups may deploy here, without limits. A site that is there keeps its grants. */
  deployerGroups: z.array(GROUP).max(32).default([]),
  /** Members of any of these groups are the site's operators, beside those of the federation. Left out, it is those that are there. */
  operatorGroups: z.array(GROUP).max(32).optional(),
  /** The address that the site's requests come from: signed URLs are then bound to it. */
  egressAddress: z.ipv4().optional(),
});
export const registerSiteResponse = z.object({ siteId: SITE_ID, enrollmentToken: z.string() });

export const capacitySchema = z.object({
  cpus: z.int().nonnegative(),
  memoryMiB: z.int().nonnegative(),
  publicAddresses: z.int().nonnegative(),
});
export type Capacity = z.infer<typeof capacitySchema>;

/** So many of a site's cached images are kept: those used last. */
export const MAX_CACHED_IMAGES = 64;
/** An image version of which something is in a site's cache. */
export const cachedImageSchema = z.object({
  imageId: ULID,
  version: z.int().positive(),
  /** Of the version's `storedBytes`: what need not be fetched any more. */
  cachedBytes: z.int().positive(),
});
export type CachedImage = z.infer<typeof cachedImageSchema>;

export const siteSchema = z.object({
  siteId: SITE_ID,
  displayName: z.string(),
  operatorGroups: z.array(z.string()),
  /** Since when its operator has had it take no new deployments and warmings; absent while it takes them. */
  drainingSince: z.iso.datetime().optional(),
  createdAt: z.iso.datetime(),
  enrolled: z.boolean(),
  lastSeen: z.iso.datetime().optional(),
  /** What is free, as the agent said last. */
  free: capacitySchema.optional(),
  agentVersion: z.string().optional(),
});
export type Site = z.infer<typeof siteSchema>;
export const siteResponse = z.object({ site: siteSchema });
/** A site as the asking member sees it. */
export const seenSiteSchema = siteSchema.extend({
  /** Some grant there is for the member, and no veto is. */
  granted: z.boolean(),
  /** Its agent has not been heard for minutes: what is sent there waits. */
  silent: z.boolean(),
  /** How many image versions are cached there, of those that the member may see. */
  cachedImages: z.int().nonnegative(),
});
export type SeenSite = z.infer<typeof seenSiteSchema>;
export const siteListResponse = z.object({ sites: z.array(seenSiteSchema) });
/** With the cached images that the member may see, the one used last first. */
export const shownSiteSchema = seenSiteSchema.extend({
  cached: z.array(cachedImageSchema.omit({ imageId: true }).extend({ imageName: IMAGE_NAME })),
});
export type ShownSite = z.infer<typeof shownSiteSchema>;
export const showSiteResponse = z.object({ site: shownSiteSchema });

/** Replaces all grants and vetoes of a site. `version` is the one that the change was made from. */
export const setSiteAccessRequest = z.strictObject(siteAccessSchema.shape);
export const siteAccessResponse = z.object({ access: siteAccessSchema });

// ---- agents ---------------------------------------------------------------------------------------------------------

export const enrollRequest = z.strictObject({
  token: z.string().max(512),
  publicKeyPem: z.string().max(1024),
});
export const enrollResponse = z.object({
  siteId: SITE_ID,
  rootPublicKeyPem: z.string(),
  /** What the agent's tokens are made out to. */
  audience: z.string(),
});

export const sessionResponse = z.object({
  region: z.string(),
  queueUrl: z.url(),
  distributionUrl: z.url(),
  credentials: z.object({
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    sessionToken: z.string(),
    expiration: z.iso.datetime(),
  }),
});

export const heartbeatRequest = z.strictObject({
  free: capacitySchema,
  agentVersion: z.string().max(32),
  /** Those used last, if there are more. */
  cached: z.array(z.strictObject(cachedImageSchema.shape)).max(MAX_CACHED_IMAGES),
});
export type Heartbeat = z.infer<typeof heartbeatRequest>;

export const heartbeatResponse = z.object({});

/** What the agent is to do for a deployment, and with which image. */
export const jobResponse = z.object({ deployment: deploymentSchema, image: imageVersionSchema });
export type Job = z.infer<typeof jobResponse>;

export const grantResponse = z.object({ grant: grantSchema });
export const reportResponse = z.object({ deployment: deploymentSchema });

// ---- deployments ----------------------------------------------------------------------------------------------------

/** In the place of a site's id: the site where the cluster comes up soonest. */
export const ANY_SITE = 'any';
export const requestDeploymentRequest = z.strictObject({
  imageName: IMAGE_NAME,
  /** Or a channel; the newest that is not recalled where both are absent. */
  imageVersion: z.int().positive().optional(),
  imageChannel: CHANNEL.optional(),
  siteId: z.union([z.literal(ANY_SITE), SITE_ID]),
  computes: z.int().nonnegative().max(1000),
  sshPublicKeys: z.array(SSH_PUBLIC_KEY).min(1).max(16),
  /** The cluster is destroyed after so long; where absent, after as long as the quota lets it live. */
  hours: z.int().positive().max(MAX_HOURS).optional(),
  memoryMiB: z
    .strictObject({
      frontend: z
        .int()
        .min(64)
        .max(1024 * 1024),
      compute: z
        .int()
        .min(64)
        .max(1024 * 1024),
    })
    .optional(),
});
/** The cluster then ends so many hours from now. */
export const extendDeploymentRequest = z.strictObject({ hours: z.int().positive().max(MAX_HOURS) });
/** What would become of a request. */
export const deploymentCheckSchema = z.object({
  /** Absent where any was asked for, and none takes it. */
  siteId: SITE_ID.optional(),
  imageName: IMAGE_NAME,
  /** Absent where there is no such version. */
  imageVersion: z.int().positive().optional(),
  /** The site's agent has been heard within the last 60 seconds. */
  agentHeard: z.boolean(),
  lastSeen: z.iso.datetime().optional(),
  /** What is free at the site, as its agent said last: it is the agent that decides whether that is enough. */
  free: capacitySchema.optional(),
  /** Why it would be refused; absent where it would be accepted. */
  refusal: failureSchema.optional(),
});
export type DeploymentCheck = z.infer<typeof deploymentCheckSchema>;
export const deploymentCheckResponse = z.object({ check: deploymentCheckSchema });

export const deploymentResponse = z.object({ deployment: deploymentSchema });

/** So many deployments a page has, and where nobody says otherwise as many as that. */
export const MAX_PAGE_DEPLOYMENTS = 100;
const behind = z.string().refine((id) => ULID.safeParse(id).success, 'must be `next` of an earlier page');
/** Behind what a page begins. For callers it is a token that says nothing. */
const tokenOf = (behindWhat: z.ZodType<string, string>, maxCharacters: number) =>
  z.codec(z.base64url().max(maxCharacters), behindWhat, {
    decode: (token) => Buffer.from(token, 'base64url').toString(),
    encode: (text) => Buffer.from(text).toString('base64url'),
  });
export const nextToken = tokenOf(behind, 64);
/** All of them hold for each deployment of the answer. */
export const deploymentListQuery = z.strictObject({
  siteId: SITE_ID.optional().describe('Those at this site.'),
  imageName: IMAGE_NAME.optional().describe('Those of this image.'),
  imageVersion: VERSION_NUMBER.transform(Number).optional().describe('Those of this version of an image.'),
  phase: z
    .string()
    .transform((phases) => phases.split(','))
    .pipe(z.array(z.enum(PHASES)))
    .optional()
    .describe('Those in one of these phases, with commas between them.'),
  memberId: MEMBER_ID.optional().describe("This member's instead of one's own: for operators of the federation."),
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_PAGE_DEPLOYMENTS))
    .optional()
    .describe(`At most so many, ${MAX_PAGE_DEPLOYMENTS} where absent.`),
  next: nextToken.optional().describe('`next` of the page before this one, asked for with the same filters.'),
});
/** Newest first. A page may be short, or empty, while there are more: they are asked for with `?next=<next>`. */
export const deploymentListResponse = z.object({
  deployments: z.array(deploymentSchema),
  next: z.base64url().max(64).optional(),
});
/** Sequence numbers are kept with ten digits, and the first event that is answered is the next one. */
const MAX_AFTER = 9_999_999_998;
export const eventsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,10}$/, 'must be the sequence number of an event')
    .transform(Number)
    .pipe(z.int().max(MAX_AFTER))
    .optional()
    .describe('Events after this sequence number; all where absent.'),
});
export const eventsResponse = z.object({ events: z.array(deploymentEventSchema) });

// ---- warmings -------------------------------------------------------------------------------------------------------

export const requestWarmingRequest = z.strictObject({
  imageName: IMAGE_NAME,
  /** Or a channel; the newest that is not recalled where both are absent. */
  imageVersion: z.int().positive().optional(),
  imageChannel: CHANNEL.optional(),
  siteId: SITE_ID,
  keep: z.boolean(),
});
export const warmingResponse = z.object({
  warming: warmingSchema,
  /** Nobody at the site has been heard lately: the message waits in the site's queue. */
  siteIsSilent: z.boolean(),
});

/** What the agent is to do for a warming. An image version that is gone is absent. */
export const warmingJobResponse = z.object({ warming: warmingSchema, image: imageVersionSchema.optional() });
export type WarmingJob = z.infer<typeof warmingJobResponse>;
export const warmingReportResponse = z.object({ warming: warmingSchema });

// ---- usage ----------------------------------------------------------------------------------------------------------

/** Sums of what agents said: more than is counted exactly is still a number. */
const sum = z.number().nonnegative();
export const consumptionSchema = z.object({
  /** That came to run in this month. */
  clusters: sum,
  warmings: sum,
  /** From the edges: for deployments and warmings. */
  bytesFetched: sum,
  /** Of clusters that ran and do so no more; counted, all of it, in the month in which they ended. */
  clusterSeconds: sum,
  /** The same for each of their nodes. */
  nodeSeconds: sum,
});
export type Consumption = z.infer<typeof consumptionSchema>;
/** What a member consumed of an image at a site. */
export const consumptionRowSchema = consumptionSchema.extend({
  memberId: z.string(),
  siteId: SITE_ID,
  imageId: ULID,
  imageName: IMAGE_NAME,
});
export type ConsumptionRow = z.infer<typeof consumptionRowSchema>;

export const MONTH = z.string().regex(/^20\d\d-(?:0[1-9]|1[0-2])$/, 'must be a month: YYYY-MM');
export const usageToken = tokenOf(z.string().min(1).max(1024), 2048);
export const usageQuery = z.strictObject({
  month: MONTH.optional().describe('YYYY-MM, in UTC; this month where absent.'),
  memberId: MEMBER_ID.optional().describe("This member's instead of one's own: for operators of the federation."),
  everybody: z.literal('true').optional().describe("Everybody's: for operators of the federation."),
  next: usageToken.optional().describe('`next` of the page before this one.'),
});
export type UsageQuery = z.infer<typeof usageQuery>;
export const usageResponse = z.object({
  month: MONTH,
  usage: z.array(consumptionRowSchema),
  next: z.base64url().max(2048).optional(),
});
export type UsageAnswer = z.infer<typeof usageResponse>;

// ---- audit trail ----------------------------------------------------------------------------------------------------

/** Words that are looked for in records: no quotes, no backslashes, nothing invisible. */
const auditWord = z.string().regex(/^[^"\\\p{C}]{1,128}$/u, 'must be plain text of at most 128 characters');
export const auditQuery = z.strictObject({
  since: z.iso.datetime().describe('The first moment, in ISO 8601 and UTC.'),
  until: z.iso.datetime().optional().describe('Before this moment; now where absent.'),
  member: auditWord.optional().describe('Decisions about what this member asked for.'),
  site: SITE_ID.optional().describe('Decisions about this site, or about its agent.'),
  deployment: ULID.optional().describe('Decisions about this deployment.'),
  cursor: z.string().min(1).max(2048).optional().describe('`nextCursor` of the page before.'),
});
export type AuditQuery = z.infer<typeof auditQuery>;
export const auditPageResponse = z.object({
  /** Oldest first. The same record may be there twice: `auditId` tells. */
  records: z.array(auditRecordSchema),
  /** Where there are more; the page itself may be empty. */
  nextCursor: z.string().optional(),
});
export type AuditPage = z.infer<typeof auditPageResponse>;

export const MAX_AUDIT_COUNTS_PER_REQUEST = 100;
export const auditCountsRequest = z.strictObject({
  deploymentIds: z.array(ULID).max(MAX_AUDIT_COUNTS_PER_REQUEST),
  warmingIds: z.array(ULID).max(MAX_AUDIT_COUNTS_PER_REQUEST),
});
export const auditCountsResponse = z.object({
  counts: z.array(
    z.object({
      id: ULID,
      /** The records about it are numbered from 1 to this. */
      records: z.int().positive(),
      /** When it changed last: the last record is of that moment, or earlier. */
      updatedAt: z.iso.datetime(),
    }),
  ),
});
export type AuditCounts = z.infer<typeof auditCountsResponse>;

// ---- problems -------------------------------------------------------------------------------------------------------

/** RFC 9457 problem document, with our code and the next step for a person. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  remedy: z.string(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** `enroll.<siteId>.<secret>.<SHA-256 of the federation's root key>`: the fingerprint pins the root at enrollment. */
export const ENROLLMENT_TOKEN = /^enroll\.([a-z0-9-]{1,32})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/;
