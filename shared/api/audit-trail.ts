/** The audit trail: pages of records, and how many there must be. */
import * as z from 'zod';
import { auditRecordSchema } from '../audit.ts';
import { SITE_ID, ULID } from '../names.ts';
import { tokenOf } from './page-token.ts';

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

/** Something whose records are numbered. */
export const auditSubjectSchema = z.object({ subject: z.enum(['deployment', 'warming']), id: ULID });
export type AuditSubject = z.infer<typeof auditSubjectSchema>;

export const auditSubjectsToken = tokenOf(ULID, 64);
export const auditSubjectsQuery = z.strictObject({
  day: z.iso.date().describe('YYYY-MM-DD, in UTC.'),
  next: auditSubjectsToken.optional().describe('`next` of the page before this one.'),
});
export type AuditSubjectsQuery = z.infer<typeof auditSubjectsQuery>;
export const auditSubjectsResponse = z.object({
  /** In the order in which they began. */
  subjects: z.array(auditSubjectSchema),
  next: z.base64url().max(64).optional(),
});
export type AuditSubjects = z.infer<typeof auditSubjectsResponse>;

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
