/** The outbox in the table: partition OUTBOX, sorted by entry id, which is sorted by time. */
import type { Outbox, OutboxEntry } from '../ports.ts';
import type { Table, Write } from './dynamodb-table.ts';

const PARTITION = 'OUTBOX';
const PAGE_ENTRIES = 200;

/** The write that adds an entry, for the transaction of the decision that it belongs to. */
export function outboxWrite(table: Table, entry: OutboxEntry): Write {
  return table.put({ pk: PARTITION, sk: entry.entryId, entry });
}

export class DynamoDbOutbox implements Outbox {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async add(entries: readonly OutboxEntry[]): Promise<void> {
    await this.#table.transact(entries.map((entry) => outboxWrite(this.#table, entry)));
  }

  async remove(entryId: string): Promise<void> {
    await this.#table.transact([this.#table.remove({ pk: PARTITION, sk: entryId })]);
  }

  async pending(createdBefore: string, after?: string): Promise<readonly OutboxEntry[]> {
    const items = await this.#table.queryAfter(PARTITION, after, PAGE_ENTRIES);
    return items.map((item) => item['entry'] as OutboxEntry).filter((entry) => entry.createdAt < createdBefore);
  }
}
