/**
 * What began on a day, in the table: an item for each deployment and warming. The audit trail is held against it: of what began there must
 * be records (docs/decisions/0064).
 */
import { auditSubjectSchema, type AuditSubject } from '#shared/api/audit-trail.ts';
import type { BegunStore } from '../ports.ts';
import { secondsOf, type Table, type Write } from './dynamodb-table.ts';

/** As long as the trail's log group keeps records (stack/storage.yml). */
const KEPT_SECONDS = 731 * 24 * 3600;

const partition = (day: string): string => `BEGUN#${day}`;

/** For the transaction that makes it. @param createdAt ISO 8601 */
export function beginOn(table: Table, { subject, id }: AuditSubject, createdAt: string): Write {
  const expiresAt = secondsOf(createdAt) + KEPT_SECONDS;
  return table.put({ pk: partition(createdAt.slice(0, 10)), sk: id, subject, id, expiresAt });
}

export class DynamoDbBegunStore implements BegunStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async list(day: string, behind: string | undefined, limit: number): Promise<readonly AuditSubject[]> {
    const items = await this.#table.queryAfter(partition(day), behind, limit);
    return items.map((item) => auditSubjectSchema.parse(item));
  }
}
