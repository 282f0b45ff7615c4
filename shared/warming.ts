/**
 * A warming: an image version, pulled through the edge nearest to a site before anybody deploys it there. Its row in the store, what
 * the site's agent reports, and what the row becomes by it. Pure.
 */
import * as z from 'zod';
import { failureSchema, hasMoved, progressSchema, timelineSchema } from './deployment.ts';
import { IMAGE_NAME, SHA256, SITE_ID, ULID } from './names.ts';

/** ACCEPTED → FETCHING → DONE, and FAILED from the first two. */
export const WARMING_PHASES = ['ACCEPTED', 'FETCHING', 'DONE', 'FAILED'] as const;

/** What was fetched, from where, and how fast. */
export const warmingOutcomeSchema = timelineSchema
  .pick({
    bytesFetched: true,
    bytesFromPeers: true,
    partsFetched: true,
    edgeLocations: true,
    cacheHits: true,
    cacheMisses: true,
  })
  .extend({ seconds: z.number().nonnegative() });

/** A warming as the API shows it to its member. */
export const warmingSchema = z.object({
  warmingId: ULID,
  memberId: z.string(),
  siteId: SITE_ID,
  imageId: ULID,
  imageName: IMAGE_NAME,
  imageVersion: z.int().positive(),
  manifestSha256: SHA256,
  /** Why the version was deprecated when the warming was asked for. */
  imageDeprecated: z.string().optional(),
  /** The image goes into the site's own cache, too. */
  keep: z.boolean(),
  phase: z.enum(WARMING_PHASES),
  /** Counts every change of the row; each write is conditional on it. */
  version: z.int().positive(),
  /** Counts the records of this warming in the audit trail: a gap there shows a lost record. */
  auditSequence: z.int().positive(),
  /** When it was counted last, where nothing else of the row was news then. */
  auditedAt: z.iso.datetime().optional(),
  progress: progressSchema.optional(),
  outcome: warmingOutcomeSchema.optional(),
  failure: failureSchema.optional(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When it came on last: it was asked for, or a report of it moved phase or bytes. */
  progressedAt: z.iso.datetime(),
  /** When a further message announced it; absent where none did. */
  announcedAt: z.iso.datetime().optional(),
});
export type Warming = z.infer<typeof warmingSchema>;

export const warmingReportSchema = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('FETCHING'), progress: progressSchema.optional() }),
  z.strictObject({ phase: z.literal('DONE'), outcome: warmingOutcomeSchema }),
  z.strictObject({ phase: z.literal('FAILED'), failure: failureSchema }),
]);
export type WarmingReport = z.infer<typeof warmingReportSchema>;

export function isWarmingOver({ phase }: Pick<Warming, 'phase'>): boolean {
  return phase === 'DONE' || phase === 'FAILED';
}

/**
 * The row after a report. The first end stands: nothing that comes later changes it. Nobody claims a warming: should two deliveries
 * be worked on at once, both do the same, and no harm.
 */
export function applyWarmingReport(row: Warming, report: WarmingReport, now: string): Warming {
  const isNews = report.phase !== row.phase || (report.phase === 'FETCHING' && hasMoved(row.progress, report.progress));
  if (isWarmingOver(row) || !isNews) return row;
  return { ...row, ...report, version: row.version + 1, updatedAt: now, progressedAt: now };
}
