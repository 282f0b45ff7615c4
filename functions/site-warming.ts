/** What every operation of an agent on a warming begins and ends with. */
import type { AuditAction, AuditRecord } from '#shared/audit.ts';
import type { Warming } from '#shared/warming.ts';
import { deliverOutbox, type DeliveryPorts } from './outbox/deliver-outbox.ts';
import { auditEntry } from './outbox/entries.ts';
import type { OutboxEntry, WarmingStore } from './ports.ts';
import { requireAtSite } from './require-at-site.ts';

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
  const row = await ports.warmings.find(warmingId);
  return requireAtSite(siteId, { subject: 'warming', id: warmingId }, row, action, ports);
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
