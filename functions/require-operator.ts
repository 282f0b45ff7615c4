/** What only operators may do, of the federation or of a site, and what they alone may read. */
import type { AuditAction, AuditRecord } from '#shared/audit.ts';
import { findSite } from './deployment-rights.ts';
import { FEDERATION_OPERATORS, type Member } from './http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';
import { auditEntry } from './outbox/entries.ts';
import type { SiteRecord, SiteStore } from './ports.ts';
import { mayOperate } from './site-rules.ts';

type OperatorPorts = DeliveryPorts & { readonly now: () => Date };
type Asked = Pick<AuditRecord, 'actor' | 'action' | 'siteId'>;

/** @param what only they may do, for a person. Throws FORBIDDEN, on record. */
export async function requireOperator(member: Member, asked: Asked, what: string, ports: OperatorPorts): Promise<void> {
  if (member.groups.includes(FEDERATION_OPERATORS)) return;
  throw await deny(ports, { ...asked, reason: `only members of ${FEDERATION_OPERATORS} may ${what}` });
}

/** That they read it is on record, too. @param what only they may do @param read what they read. Throws FORBIDDEN, on record. */
export async function requireReadingOperator(
  member: Member,
  action: AuditAction,
  what: string,
  read: string | undefined,
  ports: OperatorPorts,
): Promise<void> {
  const asked = { actor: `member:${member.memberId}`, action };
  await requireOperator(member, asked, what, ports);
  await recordReading({ ...asked, ...(read !== undefined && { reason: read }) }, ports);
}

/** The site, for one who operates it. Throws NOT_FOUND; FORBIDDEN, on record. */
export async function findOperatedSite(
  member: Member,
  siteId: string,
  action: AuditAction,
  ports: OperatorPorts & { readonly sites: SiteStore },
): Promise<SiteRecord> {
  const site = await findSite(siteId, ports.sites);
  if (mayOperate(member, site)) return site;
  const reason = `only the operators of ${siteId} and of the federation may do this`;
  throw await deny(ports, { actor: `member:${member.memberId}`, action, siteId, reason });
}

/** Before what was read is answered. */
export async function recordReading(
  read: Omit<AuditRecord, 'auditId' | 'at' | 'decision'>,
  ports: OperatorPorts,
): Promise<void> {
  const entry = auditEntry(ports.now().toISOString(), { ...read, decision: 'allow' });
  await ports.outbox.add([entry]);
  await deliverOutbox([entry], ports);
}
