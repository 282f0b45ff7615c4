/** What every operation of an agent on a warming begins and ends with. */
import type { AuditAction, AuditRecord } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Warming } from '#shared/warming.ts';
import { deliverOutbox, type DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';
import { auditEntry } from './outbox/entries.ts';
import type { OutboxEntry, WarmingStore } from './ports.ts';

export interface SiteWarmingPorts extends DeliveryPorts {
  readonly warmings: WarmingStore;
  readonly now: () => Date;
}

/** A warming at this very site. Throws NOT_FOUND for one of another site, too; that one is audited. */
export async function findWarmingAt(
  siteId: string,
  warmingId: string,
  action: AuditAction,
  ports: SiteWarmingPorts,
): Promise<Warming> {
  const warming = await ports.warmings.find(warmingId);
  const notFound = { code: 'NOT_FOUND', message: `there is no warming ${warmingId} at ${siteId}` } as const;
  if (warming === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (warming.siteId === siteId) return warming;
  const asked = { actor: `agent:${siteId}`, action, warmingId, siteId };
  throw await deny(ports, { ...asked, reason: 'a warming at another site' }, notFound);
}

/** Throws CONFLICT where the row is not as it was read. */
export async function commitWarming(
  before: Warming,
  after: Warming,
  audited: Pick<AuditRecord, 'action' | 'reason'> | undefined,
  ports: SiteWarmingPorts,
): Promise<Warming> {
  const auditedAt = ports.now().toISOString();
  const row = audited ? { ...after, auditSequence: after.auditSequence + 1, auditedAt } : after;
  const outbox: OutboxEntry[] = [];
  if (audited) {
    const record = { ...recordOf(row, audited.action), decision: 'allow', sequence: row.auditSequence } as const;
    outbox.push(auditEntry(auditedAt, { ...record, ...audited }));
  }
  await ports.warmings.replace(before, row, outbox);
  await deliverOutbox(outbox, ports);
  return row;
}

export const recordOf = ({ siteId, warmingId, imageId }: Warming, action: AuditAction) => ({
  actor: `agent:${siteId}`,
  action,
  warmingId,
  siteId,
  imageId,
});
