/** What only the operators of the federation may do, and what they alone may read. */
import type { AuditRecord } from '#shared/audit.ts';
import { FEDERATION_OPERATORS, type Member } from './http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';
import { auditEntry } from './outbox/entries.ts';

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
  action: AuditRecord['action'],
  what: string,
  read: string | undefined,
  ports: OperatorPorts,
): Promise<void> {
  const asked = { actor: `member:${member.memberId}`, action };
  await requireOperator(member, asked, what, ports);
  const record = { ...asked, decision: 'allow', ...(read !== undefined && { reason: read }) } as const;
  const entry = auditEntry(ports.now().toISOString(), record);
  await ports.outbox.add([entry]);
  await deliverOutbox([entry], ports);
}
