/**
 * Delivers what a committed decision still has to tell: messages to queues, records to the audit trail. Called right after each
 * commit; what fails stays in the outbox, and the sweep delivers it. Delivering twice is harmless: agents ignore generations
 * that are past and warmings that are over, and audit records carry an id.
 */
import { hasCode, messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import type { AuditLog, DeploymentQueues, Outbox, OutboxEntry } from '../ports.ts';

export interface DeliveryPorts {
  readonly outbox: Outbox;
  readonly queues: DeploymentQueues;
  readonly auditLog: AuditLog;
  readonly log: Log;
}

/** Answers the entries that were not delivered. Never throws: the decision is taken already. */
export async function deliverOutbox(
  entries: readonly OutboxEntry[],
  ports: DeliveryPorts,
): Promise<readonly OutboxEntry[]> {
  const delivered = await Promise.all(entries.map((entry) => deliver(entry, ports)));
  return entries.filter((_, i) => delivered[i] !== true);
}

async function deliver(entry: OutboxEntry, ports: DeliveryPorts): Promise<boolean> {
  try {
    if (entry.kind === 'message') await ports.queues.send(entry.queueUrl, entry.message);
    else await ports.auditLog.append([entry.record]);
    await ports.outbox.remove(entry.entryId);
    return true;
  } catch (error) {
    ports.log.warn('outbox entry not delivered yet; the sweep will', {
      operation: entry.kind,
      auditId: entry.entryId,
      reason: messageOf(error),
      ...(hasCode(error) && { errorCode: error.code }),
    });
    return false;
  }
}
