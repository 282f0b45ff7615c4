/** What every store of warmings does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { sampleDeployment, sampleEvent, sampleWarming } from '../../helpers/model-samples.ts';
import { type Stores, NOW, LATER, entry, code } from './stores.ts';

export function warmingsContract(name: string, open: () => Stores): void {
  describe(`${name}: warmings`, () => {
    it('knows who asked, with their groups', async () => {
      const { warmings } = open();
      const [row, other] = [sampleWarming(), sampleWarming()];
      const asker = { memberId: 'alice', groups: ['members', 'physics'] };
      await warmings.create(row, [], undefined, asker);
      await warmings.replace(row, { ...row, version: 2 }, []);
      assert.deepEqual(await warmings.findAsker(row.warmingId), asker);
      await warmings.create(other, [], undefined);
      assert.equal(await warmings.findAsker(other.warmingId), undefined);
    });

    it('keeps row and outbox of a creation together', async () => {
      const { warmings, outbox } = open();
      const warming = sampleWarming();
      const audit = entry();
      await warmings.create(warming, [audit], undefined);
      assert.deepEqual(await warmings.find(warming.warmingId), warming);
      assert.equal(await warmings.find(ulid()), undefined);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
    });

    it('answers the first warming for a repeated idempotency key, which no deployment may use then', async () => {
      const { warmings, deployments } = open();
      const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
      const [first, second] = [sampleWarming(), sampleWarming()];
      await warmings.create(first, [], key);
      assert.deepEqual(await warmings.create(second, [], key), first);
      assert.deepEqual(await warmings.findMade(key, NOW), first);
      assert.equal(await warmings.findMade({ ...key, key: ulid() }, NOW), undefined);
      assert.equal(await warmings.find(second.warmingId), undefined);
      const other = { ...key, requestSha256: 'two' };
      const deployment = sampleDeployment();
      await assert.rejects(
        deployments.create(deployment, sampleEvent(deployment), [], other),
        code('IDEMPOTENCY_MISMATCH'),
      );
    });

    it('of many simultaneous writers of one version, one wins', async () => {
      const { warmings, outbox } = open();
      const row = sampleWarming();
      await warmings.create(row, [], undefined);
      const audits = Array.from({ length: 10 }, entry);
      const after = { ...row, version: 2, phase: 'FETCHING' as const };
      const outcomes = await Promise.allSettled(audits.map((audit) => warmings.replace(row, after, [audit])));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(code('CONFLICT')(outcome.reason));
      assert.deepEqual(await warmings.find(row.warmingId), after);
      const left = (await outbox.pending(LATER)).map(({ entryId }) => entryId);
      assert.equal(audits.filter(({ entryId }) => left.includes(entryId)).length, 1);
    });

    it('knows those that are not over and have not come on for a while, and when they were announced, apart from deployments', async () => {
      const { warmings, deployments } = open();
      const early = '2026-11-20T00:00:00.000Z';
      const quiet = sampleWarming({ progressedAt: early, updatedAt: LATER, announcedAt: NOW });
      const begun = sampleWarming({ progressedAt: early, phase: 'FETCHING' });
      const busy = sampleWarming({ progressedAt: LATER });
      const over = sampleWarming({ progressedAt: early, phase: 'FAILED' });
      const rows = [quiet, begun, busy, over];
      for (const one of rows) await warmings.create(one, [], undefined);
      const deployment = sampleDeployment({ progressedAt: early });
      await deployments.create(deployment, sampleEvent(deployment), [], undefined);
      const listed = async () => {
        const all = await warmings.listUnsettled(NOW, 1000);
        const mine = all.filter(({ warmingId }) => rows.some((row) => row.warmingId === warmingId));
        return mine.map(({ warmingId, siteId, announcedAt }) => [warmingId, siteId, announcedAt]).sort();
      };
      const expected = [quiet, begun].map(({ warmingId, siteId, announcedAt }) => [warmingId, siteId, announcedAt]);
      assert.deepEqual(await listed(), expected.sort());
      assert.ok((await deployments.listUnsettled(NOW, 1000)).every(({ deploymentId }) => deploymentId));
      await warmings.replace(quiet, { ...quiet, version: 2, phase: 'DONE' }, []);
      assert.deepEqual(await listed(), [[begun.warmingId, begun.siteId, undefined]]);
    });
  });
}
