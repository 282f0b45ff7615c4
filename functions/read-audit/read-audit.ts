/**
 * The federation's operators read the audit trail, and ask of which deployments and warmings there should be records, and how many. To ask
 * is a decision of its own: it is recorded.
 */
import {
  type AuditCounts,
  type AuditPage,
  type AuditQuery,
  type AuditSubjects,
  type AuditSubjectsQuery,
  auditSubjectsToken,
} from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import * as z from 'zod';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { AuditTrail, BegunStore, DeploymentStore, WarmingStore } from '../ports.ts';
import { requireReadingOperator } from '../require-operator.ts';

export interface ReadAuditPorts extends DeliveryPorts {
  readonly trail: AuditTrail;
  readonly begun: BegunStore;
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

const PAGE_SUBJECTS = 1_000;

/** A page of what began on that day. Throws FORBIDDEN. */
export async function listAuditSubjects(
  operator: Member,
  { day, next }: AuditSubjectsQuery,
  ports: ReadAuditPorts,
): Promise<AuditSubjects> {
  await requireReader(operator, ports);
  const found = await ports.begun.list(day, next, PAGE_SUBJECTS + 1);
  const subjects = found.slice(0, PAGE_SUBJECTS);
  const last = subjects.at(-1);
  return {
    subjects,
    ...(found.length > PAGE_SUBJECTS && last !== undefined && { next: z.encode(auditSubjectsToken, last.id) }),
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
