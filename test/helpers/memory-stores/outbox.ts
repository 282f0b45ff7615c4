/** The outbox in memory. */
import type { Outbox, OutboxEntry } from '../../../functions/ports.ts';

/** Small, so that what goes through pages has several. */
const PAGE_ENTRIES = 10;

export class MemoryOutbox implements Outbox {
  readonly entries = new Map<string, OutboxEntry>();

  add(entries: readonly OutboxEntry[]): Promise<void> {
    for (const entry of entries) this.entries.set(entry.entryId, entry);
    return Promise.resolve();
  }

  remove(entryId: string): Promise<void> {
    this.entries.delete(entryId);
    return Promise.resolve();
  }

  pending(createdBefore: string, after = ''): Promise<readonly OutboxEntry[]> {
    const all = [...this.entries.values()].sort((a, b) => (a.entryId < b.entryId ? -1 : 1));
    const page = all.filter((entry) => entry.entryId > after && entry.createdAt < createdBefore);
    return Promise.resolve(page.slice(0, PAGE_ENTRIES));
  }
}
