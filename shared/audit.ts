/** A record of the audit trail: every privileged decision, allowed or denied. Holds no secret and no signed URL. */
import * as z from 'zod';
import { ULID } from './names.ts';

export const auditRecordSchema = z.object({
  auditId: z.string(),
  at: z.iso.datetime(),
  /** `member:<id>`, `agent:<siteId>`, `agent:<siteId>/<agentId>`, `sweep`, `rebuild` or `anonymous`. Of a refused enrollment: whose agent it claimed to be. */
  actor: z.string(),
  action: z.enum([
    'deployment.request',
    'deployment.read',
    'deployment.extend',
    'deployment.scale',
    'deployment.stop',
    'deployment.start',
    'deployment.warn',
    'deployment.destroy',
    'deployment.report',
    'warming.request',
    'warming.read',
    'warming.report',
    'urls.mint',
    'image.create',
    'image.upload',
    'image.publish',
    'image.read',
    'image.channel',
    'image.share',
    'image.deprecate',
    'image.recall',
    'image.delete',
    'image.restore',
    'publisher.certify',
    'site.register',
    'site.drain',
    'site.resume',
    'site.grants.read',
    'site.grants.set',
    'agent.enroll',
    'agent.session',
    'agent.heartbeat',
    'job.read',
    'audit.read',
    'usage.read',
  ]),
  decision: z.enum(['allow', 'deny']),
  deploymentId: ULID.optional(),
  warmingId: ULID.optional(),
  /** Counts the records of one deployment or warming: a gap shows a lost record. */
  sequence: z.int().optional(),
  siteId: z.string().optional(),
  imageId: z.string().optional(),
  /** Why it was denied, or what was done. */
  reason: z.string().optional(),
});
export type AuditRecord = z.infer<typeof auditRecordSchema>;
export type AuditAction = AuditRecord['action'];
