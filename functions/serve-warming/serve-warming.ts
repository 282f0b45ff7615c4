/** A warming as its site's agent sees it: what is to be fetched, a fresh grant for it, and how it goes. */
import type { WarmingJob } from '#shared/api/warmings.ts';
import type { AuditAction, AuditRecord } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import { applyWarmingReport, isWarmingOver, type Warming, type WarmingReport } from '#shared/warming.ts';
import { mintForSite, type MintForSitePorts } from '../mint-for-site.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { OutboxEntry, PublisherStore, WarmingStore } from '../ports.ts';
import { withPresentCertificate } from '../read-job/read-job.ts';
import { retryConflict } from '../retry-conflict.ts';
import { requireStillAllowed, type StillAllowedPorts } from '../still-allowed.ts';

export interface ServeWarmingPorts extends DeliveryPorts, MintForSitePorts, StillAllowedPorts {
  readonly warmings: WarmingStore;
  readonly publishers: PublisherStore;
}

/** Without the image where that version is gone. Throws NOT_FOUND. */
export async function readWarmingJob(siteId: string, warmingId: string, ports: ServeWarmingPorts): Promise<WarmingJob> {
  const warming = await findWarmingAt(siteId, warmingId, 'job.read', ports);
  const image = await ports.images.findVersion(warming.imageId, warming.imageVersion);
  return { warming, ...(image && { image: await withPresentCertificate(image, ports.publishers) }) };
}

/**
 * Each renewal is authorized anew, and recorded: minted once, and given only when the warming was not over at the moment that the
 * record was written. Throws NOT_FOUND, FORBIDDEN (it is over), IMAGE_RECALLED, VETOED, ACCESS_WITHDRAWN, CONFLICT, SERVICE_UNAVAILABLE.
 */
export async function renewWarmingUrls(siteId: string, warmingId: string, ports: ServeWarmingPorts): Promise<Grant> {
  let minted: Promise<Grant> | undefined;
  return retryConflict(
    async () => {
      const warming = await findWarmingAt(siteId, warmingId, 'urls.mint', ports);
      if (!isWarmingOver(warming)) {
        const asker = await ports.warmings.findAsker(warmingId);
        await requireStillAllowed(warming, asker, recordOf(warming, 'urls.mint'), ports);
        return warming;
      }
      const reason = `a warming that is ${warming.phase} needs its image no more`;
      throw await deny(ports, { ...recordOf(warming, 'urls.mint'), reason });
    },
    async (before) => {
      const grant = await (minted ??= mintForSite(before, ports));
      const after = { ...before, version: before.version + 1 };
      await commit(before, after, { action: 'urls.mint', reason: `URLs until ${grant.expiresAt}` }, ports);
      return grant;
    },
  );
}

/** Progress changes the row alone; an end is in the audit trail, too. Throws NOT_FOUND, CONFLICT. */
export async function recordWarmingReport(
  siteId: string,
  warmingId: string,
  report: WarmingReport,
  ports: ServeWarmingPorts,
): Promise<Warming> {
  return retryConflict(
    () => findWarmingAt(siteId, warmingId, 'warming.report', ports),
    async (before) => {
      const after = applyWarmingReport(before, report, ports.now().toISOString());
      if (after === before) return before;
      const reason = report.phase === 'FAILED' ? `FAILED ${report.failure.code}` : report.phase;
      const audited = isWarmingOver(after) ? ({ action: 'warming.report', reason } as const) : undefined;
      return commit(before, after, audited, ports);
    },
  );
}

/** A warming at this very site. Throws NOT_FOUND for one of another site, too; that one is audited. */
async function findWarmingAt(siteId: string, warmingId: string, action: AuditAction, ports: ServeWarmingPorts) {
  const warming = await ports.warmings.find(warmingId);
  const notFound = { code: 'NOT_FOUND', message: `there is no warming ${warmingId} at ${siteId}` } as const;
  if (warming === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (warming.siteId === siteId) return warming;
  const asked = { actor: `agent:${siteId}`, action, warmingId, siteId };
  throw await deny(ports, { ...asked, reason: 'a warming at another site' }, notFound);
}

/** Throws CONFLICT where the row is not as it was read. */
async function commit(
  before: Warming,
  after: Warming,
  audited: Pick<AuditRecord, 'action' | 'reason'> | undefined,
  ports: ServeWarmingPorts,
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

const recordOf = ({ siteId, warmingId, imageId }: Warming, action: AuditAction) => ({
  actor: `agent:${siteId}`,
  action,
  warmingId,
  siteId,
  imageId,
});
