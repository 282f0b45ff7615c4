/** What a site’s agent asks and says. */
import * as z from 'zod';
import { reportSchema } from '../apply-report.ts';
import { deploymentSchema } from '../deployment.ts';
import { grantSchema } from '../grant.ts';
import { SITE_ID, ULID } from '../names.ts';
import { warmingReportSchema } from '../warming.ts';
import { imageVersionSchema } from './images.ts';
import { problemSchema } from './problem.ts';
import { capacitySchema, MAX_CACHED_IMAGES, cachedImageSchema } from './sites.ts';

/** `enroll.<siteId>.<secret>.<SHA-256 of the federation's root key>`: the fingerprint pins the root at enrollment. */
export const ENROLLMENT_TOKEN = /^enroll\.([a-z0-9-]{1,32})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/;

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

/** Of one request. */
export const MAX_REPORTS = 32;

/** How far the agent is with a deployment, or with a warming. */
export const siteReportSchema = z.union([
  z.strictObject({ deploymentId: ULID, report: reportSchema }),
  z.strictObject({ warmingId: ULID, report: warmingReportSchema }),
]);
export type SiteReport = z.infer<typeof siteReportSchema>;

/** Those of one deployment in the order in which they were made. */
export const reportsRequest = z.strictObject({ reports: z.array(siteReportSchema).min(1).max(MAX_REPORTS) });

/** What became of one report. */
export const reportResultSchema = z.object({
  /** Why it was not applied; absent where it was, now or before, or is overtaken. */
  refused: problemSchema.pick({ code: true, detail: true, remedy: true }).optional(),
  /** Of a deployment: the number of the report that was applied last. A higher one than the report's own has overtaken it. */
  lastSequence: z.int().nonnegative().optional(),
});
export type ReportResult = z.infer<typeof reportResultSchema>;

/** One for each report, in their order: one that cannot be applied does not keep the others from being. */
export const reportsResponse = z.object({ results: z.array(reportResultSchema) });
