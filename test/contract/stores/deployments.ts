/** What every store of deployments does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import type { Quota } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { sampleDeployment, sampleEvent } from '../../helpers/model-samples.ts';
import { type Stores, NOW, LATER, entry, code } from './stores.ts';

export function deploymentsContract(name: string, open: () => Stores): void {
  describe(`${name}: deployments`, () => {
    it('knows who asked last, with their groups; a change that nobody asks for leaves that as it is', async () => {
      const { deployments } = open();
      const row = sampleDeployment();
      const { deploymentId } = row;
      const asker = { memberId: 'alice', groups: ['members', 'physics'] };
      await deployments.create(row, sampleEvent(row), [], undefined, {}, asker);
      const known = () => deployments.findAsker(deploymentId);
      assert.deepEqual(await known(), asker);
      const [changed, asked] = [
        { ...row, version: 2 },
        { ...row, version: 3 },
      ];
      await deployments.replace(row, changed, undefined, []);
      assert.deepEqual(await known(), asker);
      const later = { memberId: 'alice', groups: [] };
      await deployments.replace(changed, asked, sampleEvent(asked), [], {}, later);
      assert.deepEqual(await known(), later);
      await assert.rejects(deployments.replace(changed, asked, undefined, [], {}, asker), code('CONFLICT'));
      assert.deepEqual(await known(), later);
      assert.deepEqual(await deployments.find(deploymentId), asked);
      assert.equal((await deployments.eventsAfter(deploymentId, 0)).length, 2);
      assert.equal(await deployments.findAsker(ulid()), undefined);
    });

    it('fault 65, fault 66: keeps row, event and outbox of a creation together', async () => {
      const { deployments, outbox } = open();
      const deployment = sampleDeployment({ memberId: ulid() });
      const audit = entry();
      await deployments.create(deployment, sampleEvent(deployment), [audit], undefined);
      assert.deepEqual(await deployments.find(deployment.deploymentId), deployment);
      assert.deepEqual(await deployments.eventsAfter(deployment.deploymentId, 0), [sampleEvent(deployment)]);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
    });

    it('fault 54: answers the first deployment for a repeated idempotency key, and refuses another request under it', async () => {
      const { deployments } = open();
      const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
      const first = sampleDeployment({ memberId: key.memberId });
      const second = sampleDeployment({ memberId: key.memberId });
      await deployments.create(first, sampleEvent(first), [], key);
      const repeated = await deployments.create(second, sampleEvent(second), [], key);
      assert.equal(repeated.deploymentId, first.deploymentId);
      assert.equal(await deployments.find(second.deploymentId), undefined);
      const other = { ...key, requestSha256: 'two' };
      await assert.rejects(deployments.create(second, sampleEvent(second), [], other), code('IDEMPOTENCY_MISMATCH'));
    });

    it('fault 62: of many simultaneous writers of one version, one wins', async () => {
      const { deployments } = open();
      const row = sampleDeployment();
      await deployments.create(row, sampleEvent(row), [], undefined);
      const after = { ...row, version: 2, phase: 'FETCHING' as const };
      const attempts = Array.from({ length: 10 }, () => deployments.replace(row, after, sampleEvent(after), [entry()]));
      const outcomes = await Promise.allSettled(attempts);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(code('CONFLICT')(outcome.reason));
      assert.deepEqual(
        (await deployments.eventsAfter(row.deploymentId, 0)).map(({ phase }) => phase),
        ['ACCEPTED', 'FETCHING'],
      );
      assert.deepEqual(
        (await deployments.eventsAfter(row.deploymentId, 1)).map(({ sequence }) => sequence),
        [2],
      );
    });

    it("lists a member's own, newest first", async () => {
      const { deployments } = open();
      const memberId = ulid();
      const older = sampleDeployment({ memberId, deploymentId: ulid(1_000) });
      const newer = sampleDeployment({ memberId, deploymentId: ulid(2_000) });
      for (const one of [older, newer, sampleDeployment()]) {
        await deployments.create(one, sampleEvent(one), [], undefined);
      }
      assert.deepEqual(await deployments.listByMember(memberId, undefined, 10), [newer, older]);
    });

    it('lists page by page', async () => {
      const { deployments } = open();
      const memberId = ulid();
      const all = [1, 2, 3].map((n) => sampleDeployment({ memberId, deploymentId: ulid(n * 1000) }));
      for (const one of all) await deployments.create(one, sampleEvent(one), [], undefined);
      const ids = async (before: string | undefined, limit: number) =>
        (await deployments.listByMember(memberId, before, limit)).map(({ deploymentId }) => deploymentId);
      const [oldest, middle, newest] = all.map(({ deploymentId }) => deploymentId);
      assert.deepEqual(await ids(undefined, 2), [newest, middle]);
      assert.deepEqual(await ids(middle, 2), [oldest]);
      assert.deepEqual(await ids(oldest, 2), []);
    });

    it('knows those at a site that are not over, whoever’s they are, newest first, page by page', async () => {
      const { deployments } = open();
      const siteId = `s-${ulid().toLowerCase()}`;
      const all = [1, 2, 3, 4].map((n) => {
        return sampleDeployment({ siteId, memberId: ulid(), deploymentId: ulid(n * 1000) });
      });
      for (const one of [...all, sampleDeployment()]) await deployments.create(one, sampleEvent(one), [], undefined);
      const [oldest, older, newer, newest] = all;
      assert.ok(oldest && older && newer && newest);
      const ids = (...some: Deployment[]) => some.map(({ deploymentId }) => deploymentId);
      const list = (before?: Deployment, limit = 10) => deployments.listAtSite(siteId, before?.deploymentId, limit);
      assert.deepEqual(await list(), ids(newest, newer, older, oldest));
      assert.deepEqual(await list(undefined, 2), ids(newest, newer));
      assert.deepEqual(await list(newer, 2), ids(older, oldest));
      assert.deepEqual(await list(oldest), []);
      const stopped = { ...newest, phase: 'STOPPED' as const, version: 2 };
      await deployments.replace(newest, stopped, undefined, []);
      await deployments.replace(older, { ...older, phase: 'FAILED', version: 2 }, undefined, []);
      await deployments.replace(oldest, { ...oldest, phase: 'TERMINATED', version: 2 }, undefined, []);
      assert.deepEqual(await list(), ids(newest, newer));
      assert.deepEqual(await deployments.listAtSite('nowhere-at-all', undefined, 10), []);
    });

    it('knows those without an outcome that have not come on for a while', async () => {
      const { deployments } = open();
      const early = '2026-11-20T00:00:00.000Z';
      const quiet = sampleDeployment({ progressedAt: early });
      const busy = sampleDeployment({ progressedAt: LATER });
      const settled = sampleDeployment({ progressedAt: early, phase: 'RUNNING' });
      const unwanted = sampleDeployment({
        progressedAt: early,
        phase: 'RUNNING',
        desired: { power: 'destroyed', computes: 0, cpusPerCompute: 1, generation: 2 },
      });
      for (const one of [quiet, busy, settled, unwanted])
        await deployments.create(one, sampleEvent(one), [], undefined);
      const listed = async () => {
        const all = await deployments.listUnsettled(NOW, 1000);
        const mine = [quiet, busy, settled, unwanted].map(({ deploymentId }) => deploymentId);
        return all.map(({ deploymentId }) => deploymentId).filter((id) => mine.includes(id));
      };
      assert.deepEqual((await listed()).sort(), [quiet.deploymentId, unwanted.deploymentId].sort());
      const ended = { ...quiet, phase: 'FAILED' as const, version: 2 };
      await deployments.replace(quiet, ended, undefined, []);
      assert.deepEqual(await listed(), [unwanted.deploymentId]);
    });

    it('knows those that have not come on, the longest first, also where they were changed or announced since', async () => {
      const { deployments } = open();
      const [first, second] = ['2026-11-10T00:00:00.000Z', '2026-11-11T00:00:00.000Z'].map((createdAt) =>
        sampleDeployment({ createdAt, updatedAt: createdAt, progressedAt: createdAt }),
      );
      assert.ok(first && second);
      for (const one of [second, first]) await deployments.create(one, sampleEvent(one), [], undefined);
      const announced = { ...first, version: 2, updatedAt: LATER, announcedAt: LATER };
      await deployments.replace(first, announced, undefined, []);
      const listed = async () => {
        const all = await deployments.listUnsettled(NOW, 1000);
        return all.flatMap(({ deploymentId, announcedAt }) =>
          [first, second].some((row) => row.deploymentId === deploymentId) ? [[deploymentId, announcedAt]] : [],
        );
      };
      assert.deepEqual(await listed(), [
        [first.deploymentId, LATER],
        [second.deploymentId, undefined],
      ]);
      const onward = { ...announced, version: 3, progressedAt: LATER };
      await deployments.replace(announced, onward, undefined, []);
      assert.deepEqual(await listed(), [[second.deploymentId, undefined]]);
    });

    it('counts what each member has at each site, until it has ended', async () => {
      const { deployments } = open();
      const [memberId, elsewhere] = [ulid(), `e-${ulid().toLowerCase()}`];
      const make = async (computes: number, changes = {}) => {
        const one = sampleDeployment({
          memberId,
          desired: { power: 'on', computes, cpusPerCompute: 1, generation: 1 },
          ...changes,
        });
        return deployments.create(one, sampleEvent(one), [], undefined);
      };
      const usage = (siteId: string) => deployments.usage(memberId, siteId);
      assert.deepEqual(await usage('naist'), { cpus: 0, clusters: 0 });
      const [small, large] = [await make(0), await make(5)];
      await make(2, { siteId: elsewhere });
      await make(7, { memberId: ulid() });
      assert.deepEqual(await usage('naist'), { cpus: 5, clusters: 2 });
      assert.deepEqual(await usage(elsewhere), { cpus: 2, clusters: 1 });
      const running = { ...large, phase: 'RUNNING' as const, version: 2 };
      await deployments.replace(large, running, undefined, []);
      assert.deepEqual(await usage('naist'), { cpus: 5, clusters: 2 });
      await deployments.replace(running, { ...running, phase: 'FAILED', version: 3 }, undefined, []);
      assert.deepEqual(await usage('naist'), { cpus: 0, clusters: 1 });
      await deployments.replace(small, { ...small, phase: 'TERMINATED', version: 2 }, undefined, []);
      assert.deepEqual(await usage('naist'), { cpus: 0, clusters: 0 });
    });

    it('gives back what a deployment took exactly once, however many say that it has ended', async () => {
      const { deployments } = open();
      const memberId = ulid();
      const [one, other] = [sampleDeployment({ memberId }), sampleDeployment({ memberId })];
      for (const each of [one, other]) await deployments.create(each, sampleEvent(each), [], undefined);
      const ended = { ...one, version: 2, phase: 'FAILED' as const };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => deployments.replace(one, ended, undefined, [])),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus: 2, clusters: 1 });
      await deployments.replace(ended, { ...ended, version: 3, auditSequence: 2 }, undefined, []);
      assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus: 2, clusters: 1 });
    });

    it('counts what a change adds or gives back, and refuses what the quota has no room for', async () => {
      const { deployments } = open();
      const memberId = ulid();
      const made = sampleDeployment({ memberId });
      const desired = { power: 'on', computes: 2, cpusPerCompute: 3, generation: 1 } as const;
      await deployments.create({ ...made, desired }, sampleEvent(made), [], undefined);
      const change = async (changes: Partial<Deployment>, quota?: Quota) => {
        const before = (await deployments.find(made.deploymentId)) ?? assert.fail();
        const after = { ...before, ...changes, version: before.version + 1 };
        await deployments.replace(before, after, undefined, [], quota);
      };
      const cpus = async () => (await deployments.usage(memberId, made.siteId)).cpus;
      assert.equal(await cpus(), 6);
      await assert.rejects(change({ desired: { ...desired, computes: 4 } }, { maxCpus: 11 }), code('CONFLICT'));
      assert.equal(await cpus(), 6);
      await change({ desired: { ...desired, computes: 4 } }, { maxCpus: 12, maxClusters: 0 });
      assert.equal(await cpus(), 12);
      const frontend = { name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' };
      const compute = { name: 'compute-0', role: 'compute' as const, privateAddress: '10.1.255.254' };
      await change({ desired: { ...desired, computes: 0 }, nodes: [frontend, compute] });
      assert.equal(await cpus(), 3, 'what is still there counts');
      await change({ nodes: [frontend] }, { maxCpus: 0 });
      assert.deepEqual(await deployments.usage(memberId, made.siteId), { cpus: 0, clusters: 1 });
      await change({ desired, phase: 'TERMINATED' });
      assert.deepEqual(await deployments.usage(memberId, made.siteId), { cpus: 0, clusters: 0 });
    });

    it('refuses what is above the quota, by CPUs or by number, and takes it when there is room again', async () => {
      const { deployments } = open();
      const memberId = ulid();
      const make = async (computes: number, quota: Quota) => {
        const one = sampleDeployment({
          memberId,
          desired: { power: 'on', computes, cpusPerCompute: 1, generation: 1 },
        });
        return deployments.create(one, sampleEvent(one), [], undefined, quota);
      };
      await assert.rejects(make(5, { maxCpus: 4 }), code('QUOTA_EXCEEDED'));
      await assert.rejects(make(0, { maxClusters: 0 }), code('QUOTA_EXCEEDED'));
      const first = await make(3, { maxCpus: 4, maxClusters: 2 });
      await assert.rejects(make(2, { maxCpus: 4, maxClusters: 2 }), code('QUOTA_EXCEEDED'));
      await make(1, { maxCpus: 4, maxClusters: 2 });
      await assert.rejects(make(0, { maxClusters: 2 }), code('QUOTA_EXCEEDED'));
      assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus: 4, clusters: 2 });
      await deployments.replace(first, { ...first, phase: 'FAILED', version: 2 }, undefined, []);
      await make(3, { maxCpus: 4, maxClusters: 2 });
      assert.equal((await make(9, {})).phase, 'ACCEPTED');
    });

    it('answers a repeated key also where its first use has taken the last room', async () => {
      const { deployments } = open();
      const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
      const { memberId } = key;
      const [first, second] = [sampleDeployment({ memberId }), sampleDeployment({ memberId })];
      assert.equal(await deployments.findMade(key, NOW), undefined);
      await deployments.create(first, sampleEvent(first), [], key, { maxClusters: 1 });
      const again = await deployments.create(second, sampleEvent(second), [], key, { maxClusters: 1 });
      assert.equal(again.deploymentId, first.deploymentId);
      assert.equal((await deployments.findMade(key, NOW))?.deploymentId, first.deploymentId);
      await assert.rejects(deployments.findMade({ ...key, requestSha256: 'two' }, NOW), code('IDEMPOTENCY_MISMATCH'));
      const unused = { ...key, key: ulid() };
      await assert.rejects(
        deployments.create(second, sampleEvent(second), [], unused, { maxClusters: 1 }),
        code('QUOTA_EXCEEDED'),
      );
    });

    it('knows those whose end is due while they are wished for, the earliest first', async () => {
      const { deployments } = open();
      const [early, late] = ['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'];
      const make = (end: Pick<Deployment, 'endsAt' | 'endWarningAt' | 'destroyAt'>) => {
        const one = sampleDeployment(end);
        return deployments.create(one, sampleEvent(one), [], undefined);
      };
      const ends = [{ endsAt: late }, { endsAt: LATER, endWarningAt: early }, { endsAt: LATER }, {}, { endsAt: early }];
      const all = await Promise.all([...ends, { endsAt: early }].map(make));
      const [ending, warned, , , unwished, failed] = all;
      assert.ok(ending && warned && unwished && failed);
      const replace = (before: Deployment, change: Partial<Deployment>) =>
        deployments.replace(before, { ...before, version: before.version + 1, ...change }, undefined, []);
      await replace(unwished, { desired: { ...unwished.desired, power: 'destroyed' } });
      await replace(failed, { phase: 'FAILED' });
      const ids = all.map(({ deploymentId }) => deploymentId);
      const listed = async (now: string) => {
        const due = (await deployments.listEndsDue(now, 1000)).map(({ deploymentId }) => deploymentId);
        return due.filter((id) => ids.includes(id));
      };
      assert.deepEqual(await listed(NOW), [warned.deploymentId, ending.deploymentId]);
      assert.deepEqual(await listed(early), [warned.deploymentId]);
      await replace(warned, { endWarningAt: undefined });
      await replace(ending, { endsAt: LATER });
      assert.deepEqual(await listed(NOW), []);
      assert.equal((await listed(LATER)).length, 3);
      const stopped = await make({ endsAt: early, destroyAt: late });
      ids.push(stopped.deploymentId);
      assert.deepEqual(await listed(early), []);
      assert.deepEqual(await listed(late), [stopped.deploymentId]);
      await replace(stopped, { endsAt: LATER, destroyAt: undefined });
      assert.deepEqual(await listed(NOW), []);
    });

    it('finds nothing where nothing is', async () => {
      const { deployments } = open();
      assert.equal(await deployments.find(ulid()), undefined);
      assert.deepEqual(await deployments.eventsAfter(ulid(), 0), []);
    });
  });
}
