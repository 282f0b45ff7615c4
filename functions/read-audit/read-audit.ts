/**
 * The federation's operators read the audit trail, and ask how many records there should be of a deployment or warming. To ask is a
 * decision of its own: it is recorded.
 */
import type { AuditCounts, AuditPage, AuditQuery } from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { AuditTrail, DeploymentStore, WarmingStore } from '../ports.ts';
import { requireReadingOperator } from '../require-operator.ts';

export interface ReadAuditPorts extends DeliveryPorts {
  readonly trail: AuditTrail;
  readonly deployments: Pick<DeploymentStore, 'find'>;
  readonly warmings: Pick<WarmingStore, 'find'>;
  readonly now: () => Date;
}

/** A page, oldest first; it may be empty while there are more. Throws FORBIDDEN; INVALID_REQUEST for a cursor that is none. */
export async function readAudit(operator: Member, query: AuditQuery, ports: ReadAuditPorts): Promise<AuditPage> {
  await requireReader(operator, ports);
  const { records, nextCursor } = await ports.trail.read({
    since: query.since,
    until: query.until ?? ports.now().toISOString(),
    words: [query.member && `member:${query.member}`, query.site, query.deployment].filter(
      (word) => word !== undefined,
    ),
    cursor: query.cursor,
  });
  return {
    records: records.filter((record) => isAskedFor(record, query)),
    ...(nextCursor !== undefined && { nextCursor }),
  };
}

/** How far the records of each are numbered by now. One that is forgotten is not in the answer. Throws FORBIDDEN. */
export async function countAudit(
  operator: Member,
  { deploymentIds, warmingIds }: { readonly deploymentIds: readonly string[]; readonly warmingIds: readonly string[] },
  ports: ReadAuditPorts,
): Promise<AuditCounts> {
  await requireReader(operator, ports);
  const deployments = await Promise.all(deploymentIds.map((id) => ports.deployments.find(id)));
  const warmings = await Promise.all(warmingIds.map((id) => ports.warmings.find(id)));
  return {
    counts: [
      ...deployments.flatMap((row) => (row ? [{ id: row.deploymentId, ...countOf(row) }] : [])),
      ...warmings.flatMap((row) => (row ? [{ id: row.warmingId, ...countOf(row) }] : [])),
    ],
  };
}

type Counted = Pick<Deployment, 'auditSequence' | 'auditedAt' | 'updatedAt'>;

const countOf = ({ auditSequence, auditedAt = '', updatedAt }: Counted) => ({
  records: auditSequence,
  updatedAt: auditedAt > updatedAt ? auditedAt : updatedAt,
});

const requireReader = (member: Member, ports: ReadAuditPorts): Promise<void> =>
  requireReadingOperator(member, 'audit.read', 'read the audit trail', undefined, ports);

/** The log group was asked for words only, wherever in a record they are. */
function isAskedFor({ actor, siteId, deploymentId }: AuditRecord, { member, site, deployment }: AuditQuery): boolean {
  return (
    (member === undefined || actor === `member:${member}`) &&
    (site === undefined || siteId === site || actor === `agent:${site}` || actor.startsWith(`agent:${site}/`)) &&
    (deployment === undefined || deploymentId === deployment)
  );
}
