/** Makes outbox entries. */
import type { AuditRecord } from '#shared/audit.ts';
import type { SiteMessage } from '#shared/messages.ts';
import { ulid } from 'ulid';
import type { OutboxEntry } from '../ports.ts';

/** An audit record, to be shipped to the trail's log group. `now` is ISO 8601. */
export function auditEntry(now: string, record: Omit<AuditRecord, 'auditId' | 'at'>): OutboxEntry {
  const entryId = ulid();
  return { entryId, createdAt: now, kind: 'audit', record: { auditId: entryId, at: now, ...record } };
}

/** A message for a site's queue. */
export function messageEntry(now: string, queueUrl: string, message: SiteMessage): OutboxEntry {
  return { entryId: ulid(), createdAt: now, kind: 'message', queueUrl, message };
}
