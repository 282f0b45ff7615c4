/** What an agent asks about is at its own site: whatever else there is, is not there for it. */
import type { AuditSubject } from '#shared/api/audit-trail.ts';
import type { AuditAction } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';

/** Throws NOT_FOUND where there is none, and for one of another site, too; that one is audited. */
export async function requireAtSite<Row extends { readonly siteId: string }>(
  siteId: string,
  { subject, id }: AuditSubject,
  row: Row | undefined,
  action: AuditAction,
  ports: DeliveryPorts & { readonly now: () => Date },
): Promise<Row> {
  const notFound = { code: 'NOT_FOUND', message: `there is no ${subject} ${id} at ${siteId}` } as const;
  if (row === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (row.siteId === siteId) return row;
  const about = subject === 'deployment' ? { deploymentId: id } : { warmingId: id };
  const reason = `a ${subject} at another site`;
  throw await deny(ports, { actor: `agent:${siteId}`, action, ...about, siteId, reason }, notFound);
}
