/** What every outbox does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Stores, NOW, LATER, entry } from './stores.ts';

export function outboxContract(name: string, open: () => Stores): void {
  describe(`${name}: outbox`, () => {
    it('keeps entries in order until they are removed, and shows only old ones', async () => {
      const { outbox } = open();
      const [first, second] = [entry(), entry()];
      await outbox.add([first, second]);
      const ids = async (until: string) => (await outbox.pending(until)).map(({ entryId }) => entryId);
      const mine = (all: string[]) => all.filter((id) => id === first.entryId || id === second.entryId);
      assert.deepEqual(mine(await ids(LATER)), [first.entryId, second.entryId].sort());
      assert.deepEqual(mine(await ids(NOW)), []);
      await outbox.remove(first.entryId);
      await outbox.remove(first.entryId);
      assert.deepEqual(mine(await ids(LATER)), [second.entryId]);
    });

    it('hands out pages', async () => {
      const { outbox } = open();
      const entries = Array.from({ length: 12 }, entry);
      await outbox.add(entries);
      const found: string[] = [];
      for (let page = await outbox.pending(LATER); page.length > 0; page = await outbox.pending(LATER, found.at(-1))) {
        found.push(...page.map(({ entryId }) => entryId));
      }
      assert.deepEqual(found, [...found].sort(), 'in order, none twice');
      for (const { entryId } of entries) assert.ok(found.includes(entryId));
    });
  });
}
