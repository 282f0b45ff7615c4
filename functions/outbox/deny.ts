/** A refused decision is part of the audit trail too: it is recorded before the refusal is answered. */
import type { AuditRecord } from '#shared/audit.ts';
import { EdgebootError, type ErrorCode } from '#shared/errors.ts';
import { deliverOutbox, type DeliveryPorts } from './deliver-outbox.ts';
import { auditEntry } from './entries.ts';

/**
 * Records the denial and answers the error to throw. `shownAs` differs from FORBIDDEN where even the existence of the thing is
 * not the asker's business (NOT_FOUND), or where there is a next step to tell.
 */
export async function deny(
  ports: DeliveryPorts & { readonly now: () => Date },
  record: Omit<AuditRecord, 'auditId' | 'at' | 'decision'> & { readonly reason: string },
  shownAs: { readonly code: ErrorCode; readonly message: string; readonly remedy?: string } = {
    code: 'FORBIDDEN',
    message: record.reason,
  },
): Promise<EdgebootError> {
  const entry = auditEntry(ports.now().toISOString(), { ...record, decision: 'deny' });
  await ports.outbox.add([entry]);
  await deliverOutbox([entry], ports);
  const { code, message, remedy } = shownAs;
  return new EdgebootError(code, message, remedy === undefined ? {} : { remedy });
}
