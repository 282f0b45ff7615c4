/** What every store of publishers does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { type Stores, entry } from './stores.ts';

export function publishersContract(name: string, open: () => Stores): void {
  describe(`${name}: publishers`, () => {
    it('keeps the last certificate', async () => {
      const { publishers } = open();
      const memberId = ulid();
      assert.equal(await publishers.findCertificate(memberId), undefined);
      await publishers.saveCertificate(memberId, 'one', [entry()]);
      await publishers.saveCertificate(memberId, 'two', []);
      assert.equal(await publishers.findCertificate(memberId), 'two');
    });

    it('lists all certificates', async () => {
      const { publishers } = open();
      const [first, second] = [ulid(), ulid()];
      for (const memberId of [first, second]) await publishers.saveCertificate(memberId, `of ${memberId}`, []);
      const all = await publishers.listCertificates();
      assert.deepEqual([all.get(first), all.get(second)], [`of ${first}`, `of ${second}`]);
    });
  });
}
