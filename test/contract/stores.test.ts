/** One suite per store port, over its in-memory fake and over DynamoDB (a real engine, on loopback). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ImageVersion } from '#shared/api/images.ts';
import type { Deployment } from '#shared/deployment.ts';
import type { Quota } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { DynamoDbOutbox } from '../../functions/adapters/dynamodb-outbox.ts';
import { DynamoDbPublisherStore } from '../../functions/adapters/dynamodb-publisher-store.ts';
import { DynamoDbRateLimiter } from '../../functions/adapters/dynamodb-rate-limiter.ts';
import { DynamoDbSiteStore } from '../../functions/adapters/dynamodb-site-store.ts';
import { RATE_LIMITS } from '../../functions/http/rate-limit.ts';
import { auditEntry } from '../../functions/outbox/entries.ts';
import { DynamoDbWarmingStore } from '../../functions/adapters/dynamodb-warming-store.ts';
import type {
  DeploymentStore,
  ImageStore,
  Outbox,
  PublisherStore,
  RateLimiter,
  SiteStore,
  WarmingStore,
} from '../../functions/ports.ts';
import {
  MemoryDeploymentStore,
  MemoryIdempotencyKeys,
  MemoryImageStore,
  MemoryOutbox,
  MemoryPublisherStore,
  MemoryRateLimiter,
  MemorySiteStore,
  MemoryVersionUses,
  MemoryWarmingStore,
} from '../helpers/memory-stores.ts';
import {
  sampleDeployment,
  sampleEvent,
  sampleImage,
  sampleImageVersion,
  sampleSite,
  sampleWarming,
} from '../helpers/model-samples.ts';
import { startStackTable } from '../helpers/stack-table.ts';

interface Stores {
  readonly outbox: Outbox;
  readonly deployments: DeploymentStore;
  readonly warmings: WarmingStore;
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly publishers: PublisherStore;
  readonly rateLimiter: RateLimiter;
}

const NOW = '2026-11-23T09:00:00.000Z';
const LATER = '2026-11-23T10:00:00.000Z';
const entry = () => auditEntry(NOW, { actor: 'member:alice', action: 'deployment.request', decision: 'allow' });
const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

function storeContract(name: string, open: () => Stores): void {
  describe(`${name}: rate limit`, () => {
    const { capacity, refillMs } = RATE_LIMITS.writes;
    const after = (milliseconds: number) => new Date(Date.parse(NOW) + milliseconds);

    it('hands out as many tokens as the bucket holds, also to requests that come together, and then one a refill', async () => {
      const { rateLimiter } = open();
      const caller = `member:${ulid()}`;
      const take = (milliseconds: number) => rateLimiter.take(caller, 'writes', after(milliseconds));
      assert.equal(await take(0), 0);
      assert.deepEqual(new Set(await Promise.all(Array.from({ length: capacity - 1 }, () => take(0)))), new Set([0]));
      assert.equal(await take(0), 1);
      assert.equal(await take(refillMs), 0);
      assert.equal(await take(refillMs), 1);
      const quietMs = 2 * capacity * refillMs;
      for (let i = 0; i < capacity; i++) assert.equal(await take(quietMs), 0);
      assert.equal(await take(quietMs), 1);
    });

    it('keeps callers apart, and reads from writes', async () => {
      const { rateLimiter } = open();
      const [caller, neighbor] = [`member:${ulid()}`, `agent:${ulid()}`];
      await rateLimiter.take(caller, 'writes', after(3_600_000));
      const wait = await rateLimiter.take(caller, 'writes', after(0));
      assert.ok(wait > 3_500 && wait <= 3_600, String(wait));
      assert.equal(await rateLimiter.take(caller, 'reads', after(0)), 0);
      assert.equal(await rateLimiter.take(neighbor, 'writes', after(0)), 0);
    });
  });

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

  describe(`${name}: deployments`, () => {
    it('keeps row, event and outbox of a creation together', async () => {
      const { deployments, outbox } = open();
      const deployment = sampleDeployment({ memberId: ulid() });
      const audit = entry();
      await deployments.create(deployment, sampleEvent(deployment), [audit], undefined);
      assert.deepEqual(await deployments.find(deployment.deploymentId), deployment);
      assert.deepEqual(await deployments.eventsAfter(deployment.deploymentId, 0), [sampleEvent(deployment)]);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
    });

    it('answers the first deployment for a repeated idempotency key, and refuses another request under it', async () => {
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

    it('of many simultaneous writers of one version, one wins', async () => {
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

    it('knows those without an outcome that nothing happened to for a while', async () => {
      const { deployments } = open();
      const early = '2026-11-20T00:00:00.000Z';
      const quiet = sampleDeployment({ updatedAt: early });
      const busy = sampleDeployment({ updatedAt: LATER });
      const settled = sampleDeployment({ updatedAt: early, phase: 'RUNNING' });
      const unwanted = sampleDeployment({
        updatedAt: early,
        phase: 'RUNNING',
        desired: { power: 'destroyed', computes: 0, generation: 2 },
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

    it('counts what each member has at each site, until it has ended', async () => {
      const { deployments } = open();
      const [memberId, elsewhere] = [ulid(), `e-${ulid().toLowerCase()}`];
      const make = async (computes: number, changes = {}) => {
        const one = sampleDeployment({ memberId, desired: { power: 'on', computes, generation: 1 }, ...changes });
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

    it('refuses what is above the quota, by CPUs or by number, and takes it when there is room again', async () => {
      const { deployments } = open();
      const memberId = ulid();
      const make = async (computes: number, quota: Quota) => {
        const one = sampleDeployment({ memberId, desired: { power: 'on', computes, generation: 1 } });
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
      const make = (end: Pick<Deployment, 'endsAt' | 'endWarningAt'>) => {
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
    });

    it('finds nothing where nothing is', async () => {
      const { deployments } = open();
      assert.equal(await deployments.find(ulid()), undefined);
      assert.deepEqual(await deployments.eventsAfter(ulid(), 0), []);
    });
  });

  describe(`${name}: warmings`, () => {
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

    it('knows those that are not over and that nothing happened to for a while, apart from deployments', async () => {
      const { warmings, deployments } = open();
      const early = '2026-11-20T00:00:00.000Z';
      const quiet = sampleWarming({ updatedAt: early });
      const begun = sampleWarming({ updatedAt: early, phase: 'FETCHING' });
      const busy = sampleWarming({ updatedAt: LATER });
      const over = sampleWarming({ updatedAt: early, phase: 'FAILED' });
      const rows = [quiet, begun, busy, over];
      for (const one of rows) await warmings.create(one, [], undefined);
      const deployment = sampleDeployment({ updatedAt: early });
      await deployments.create(deployment, sampleEvent(deployment), [], undefined);
      const listed = async () => {
        const all = await warmings.listUnsettled(NOW, 1000);
        const mine = all.filter(({ warmingId }) => rows.some((row) => row.warmingId === warmingId));
        return mine.map(({ warmingId, siteId }) => [warmingId, siteId]).sort();
      };
      const expected = [quiet, begun].map(({ warmingId, siteId }) => [warmingId, siteId]);
      assert.deepEqual(await listed(), expected.sort());
      assert.ok((await deployments.listUnsettled(NOW, 1000)).every(({ deploymentId }) => deploymentId));
      await warmings.replace(quiet, { ...quiet, version: 2, phase: 'DONE' }, []);
      assert.deepEqual(await listed(), [[begun.warmingId, begun.siteId]]);
    });
  });

  describe(`${name}: images`, () => {
    it('gives a name to one image only, whoever comes second', async () => {
      const { images } = open();
      const imageName = `i-${ulid().toLowerCase()}`;
      const made = await Promise.all([1, 2, 3].map(() => images.findOrCreate(sampleImage({ imageName }), [entry()])));
      assert.equal(new Set(made.map(({ imageId }) => imageId)).size, 1);
      assert.deepEqual(await images.findByName(imageName), made[0]);
      assert.ok((await images.list()).some((image) => image.imageName === imageName));
    });

    it('adds only the next version', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `v-${ulid().toLowerCase()}` }), []);
      const first = sampleImageVersion(image);
      await images.addVersion(first, [entry()]);
      await assert.rejects(images.addVersion(first, []), code('CONFLICT'));
      await assert.rejects(images.addVersion({ ...first, version: 3 }, []), code('CONFLICT'));
      assert.equal((await images.findById(image.imageId))?.latestVersion, 1);
      assert.deepEqual(await images.listVersions(image.imageId), [first]);
      assert.deepEqual(await images.findVersion(image.imageId, 1), first);
      assert.equal(await images.findVersion(image.imageId, 2), undefined);
    });

    it('restores what is missing, and changes nothing that is there', async () => {
      const { images } = open();
      const imageName = `r-${ulid().toLowerCase()}`;
      const image = sampleImage({ imageName, latestVersion: 1, sharing: { with: 'owner' } });
      const version = { ...sampleImageVersion(image), version: 1 };
      const restore = async () => [
        await images.restoreImage(image, [entry()]),
        await images.restoreVersion(version, [entry()]),
      ];
      assert.deepEqual(await restore(), [true, true]);
      assert.deepEqual(await restore(), [false, false]);
      assert.equal(await images.restoreImage({ ...image, ownerId: 'mallory' }, []), false);
      assert.equal(await images.restoreVersion({ ...version, parts: 99 }, []), false);
      assert.deepEqual(await images.findByName(imageName), image);
      assert.deepEqual(await images.listVersions(image.imageId), [version]);
      assert.ok((await images.list()).some(({ imageId }) => imageId === image.imageId));
      await assert.rejects(images.restoreImage(sampleImage({ imageName }), []), code('CONFLICT'));
    });

    it('restores no version that was deleted', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `d-${ulid().toLowerCase()}` }), []);
      const version = sampleImageVersion(image);
      await images.addVersion(version, []);
      const present = (await images.findById(image.imageId)) ?? assert.fail();
      await images.deleteVersion(present, 1, []);
      await assert.rejects(images.restoreVersion(version, []), code('NOT_FOUND'));
      assert.deepEqual(await images.listVersions(image.imageId), []);
    });

    it('of many simultaneous changes of channels and sharing, one wins; a version published meanwhile stays', async () => {
      const { images } = open();
      const image = await images.findOrCreate(sampleImage({ imageName: `c-${ulid().toLowerCase()}` }), []);
      await images.addVersion(sampleImageVersion(image), []);
      const change = (channels: Record<string, number>) =>
        images.replaceSettings(image, { ...image, channels, revision: 1 }, undefined, [entry()]);
      const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((channel) => change({ [channel]: 1 })));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(code('CONFLICT')(outcome.reason));
      const once = await images.findById(image.imageId);
      assert.ok(once);
      assert.deepEqual([Object.keys(once.channels ?? {}).length, once.latestVersion, once.revision], [1, 1, 1]);
      await images.addVersion(sampleImageVersion(once), []);
      const sharing = { with: 'groups', groups: ['physics'] } as const;
      await images.replaceSettings(once, { ...once, sharing: { ...sharing, groups: ['physics'] }, revision: 2 }, 2, []);
      const twice = await images.findByName(image.imageName);
      assert.deepEqual(twice, { ...once, sharing, revision: 2, latestVersion: 2 });
    });
  });

  describe(`${name}: uses of image versions`, () => {
    const published = async (images: ImageStore) => {
      const imageName = `u-${ulid().toLowerCase()}`;
      const image = await images.findOrCreate(sampleImage({ imageName }), []);
      const version = sampleImageVersion(image);
      await images.addVersion(version, []);
      return { image, version };
    };
    const recalled = (version: ImageVersion) => ({ ...version, recall: { reason: 'broken', at: NOW, by: 'alice' } });
    const usesOf = async (images: ImageStore, { imageId }: { imageId: string }) =>
      (await images.listUses(imageId, 1)).map(({ deploymentId }) => deploymentId);

    it('are listed from a deployment’s creation to its end', async () => {
      const { images, deployments } = open();
      const { image } = await published(images);
      const [first, second] = [1_000, 2_000].map((time) =>
        sampleDeployment({ imageId: image.imageId, deploymentId: ulid(time) }),
      );
      assert.ok(first && second);
      for (const one of [second, first]) await deployments.create(one, sampleEvent(one), [], undefined);
      const { deploymentId, memberId, siteId } = first;
      assert.deepEqual((await images.listUses(image.imageId, 1))[0], { deploymentId, memberId, siteId });
      assert.deepEqual(await usesOf(images, image), [first.deploymentId, second.deploymentId]);
      assert.deepEqual(await images.listUses(image.imageId, 2), []);
      const running = { ...first, version: 2, phase: 'RUNNING' as const };
      await deployments.replace(first, running, undefined, []);
      assert.equal((await usesOf(images, image)).length, 2);
      await deployments.replace(running, { ...running, version: 3, phase: 'FAILED' }, undefined, []);
      assert.deepEqual(await usesOf(images, image), [second.deploymentId]);
    });

    it('end with a recall for what is new, and not for what was there; an idempotency key still answers', async () => {
      const { images, deployments, warmings } = open();
      const { image, version } = await published(images);
      const { imageId } = image;
      const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
      const early = sampleDeployment({ imageId });
      await deployments.create(early, sampleEvent(early), [], key);
      await images.judgeVersion(recalled(version), [entry()]);
      assert.deepEqual(await images.findVersion(imageId, 1), recalled(version));
      const late = sampleDeployment({ imageId });
      for (const used of [undefined, { ...key, key: ulid() }]) {
        await assert.rejects(deployments.create(late, sampleEvent(late), [], used), code('IMAGE_RECALLED'));
        await assert.rejects(warmings.create(sampleWarming({ imageId }), [], used), code('IMAGE_RECALLED'));
      }
      assert.equal(await deployments.find(late.deploymentId), undefined);
      assert.deepEqual(await deployments.create(late, sampleEvent(late), [], key), early);
      assert.deepEqual(await usesOf(images, image), [early.deploymentId]);
      const pointed = { ...image, channels: { stable: 1 }, revision: 1 };
      await assert.rejects(images.replaceSettings(image, pointed, 1, []), code('CONFLICT'));
      await assert.rejects(images.judgeVersion(version, []), code('CONFLICT'));
      await deployments.replace(early, { ...early, version: 2, phase: 'FAILED' }, undefined, []);
      await images.deleteVersion(image, 1, []);
    });

    it('keep a version from being deleted; without any it is, and so it stays', async () => {
      const { images, deployments, warmings } = open();
      const { image } = await published(images);
      const { imageId } = image;
      const one = sampleDeployment({ imageId });
      await deployments.create(one, sampleEvent(one), [], undefined);
      await assert.rejects(images.deleteVersion(image, 1, []), code('CONFLICT'));
      await deployments.replace(one, { ...one, version: 2, phase: 'FAILED' }, undefined, []);
      const moved = { ...image, channels: { stable: 1 }, revision: 1 };
      await images.replaceSettings(image, moved, 1, []);
      await assert.rejects(images.deleteVersion(image, 1, []), code('CONFLICT'), 'what was read is of the past');
      await images.deleteVersion(moved, 1, [entry()]);
      assert.equal(await images.findVersion(imageId, 1), undefined);
      assert.equal((await images.findById(imageId))?.latestVersion, 1);
      const late = sampleDeployment({ imageId });
      await assert.rejects(deployments.create(late, sampleEvent(late), [], undefined), code('NOT_FOUND'));
      await assert.rejects(warmings.create(sampleWarming({ imageId }), [], undefined), code('NOT_FOUND'));
      await assert.rejects(images.deleteVersion(moved, 1, []), code('CONFLICT'));
    });

    it('a deletion among many simultaneous deployments: it loses, or each of them does', async () => {
      const { images, deployments } = open();
      for (let round = 0; round < 10; round++) {
        const { image } = await published(images);
        const rows = Array.from({ length: 4 }, () => sampleDeployment({ imageId: image.imageId }));
        const create = (one: Deployment) => deployments.create(one, sampleEvent(one), [], undefined);
        const [first, ...rest] = rows.map((one) => () => create(one));
        assert.ok(first);
        // Its place among them differs from round to round.
        const ahead = round % 2 === 0 ? [] : [first()];
        const deletion = images.deleteVersion(image, 1, []);
        const behind = [...(round % 2 === 0 ? [first()] : []), ...rest.map((one) => one())];
        const [deleted, ...made] = await Promise.allSettled([deletion, ...ahead, ...behind]);
        const count = made.filter(({ status }) => status === 'fulfilled').length;
        assert.equal(count > 0, deleted.status === 'rejected', `${count} made`);
        assert.equal((await usesOf(images, image)).length, count);
        assert.equal((await images.findVersion(image.imageId, 1)) === undefined, count === 0);
      }
    });
  });

  describe(`${name}: sites`, () => {
    it('uses an enrollment token up at its first use', async () => {
      const { sites } = open();
      const siteId = `s-${ulid().toLowerCase()}`.slice(0, 32);
      const token = { sha256: ulid(), expiresAt: LATER };
      await sites.register(sampleSite({ siteId }), token, [entry()]);
      const key = { siteId, publicKeyPem: 'pem' };
      await assert.rejects(sites.enroll(key, 'unknown', NOW, []), code('FORBIDDEN'));
      await assert.rejects(sites.enroll({ ...key, siteId: 'other' }, token.sha256, NOW, []), code('FORBIDDEN'));
      await assert.rejects(sites.enroll(key, token.sha256, LATER, []), code('FORBIDDEN'));
      assert.equal(await sites.findAgentKey(siteId), undefined);
      await sites.enroll(key, token.sha256, NOW, [entry()]);
      assert.deepEqual(await sites.findAgentKey(siteId), key);
      assert.equal((await sites.find(siteId))?.enrolled, true);
      await assert.rejects(sites.enroll(key, token.sha256, NOW, []), code('FORBIDDEN'));
    });

    it('registered again have the new settings and token alone, and keep what their agent said', async () => {
      const { sites } = open();
      const siteId = `r-${ulid().toLowerCase()}`.slice(0, 32);
      const [first, second] = [ulid(), ulid()].map((sha256) => ({ sha256, expiresAt: LATER }));
      assert.ok(first && second);
      await sites.register(sampleSite({ siteId, egressAddress: '192.0.2.1' }), first, []);
      const key = { siteId, publicKeyPem: 'pem' };
      await sites.enroll(key, first.sha256, NOW, []);
      await sites.recordHeartbeat(siteId, NOW, {
        free: { cpus: 1, memoryMiB: 1, publicAddresses: 1 },
        agentVersion: '0.1.0',
        cached: [],
      });
      await sites.register(sampleSite({ siteId, displayName: 'Elsewhere', createdAt: LATER }), second, []);
      const site = await sites.find(siteId);
      assert.deepEqual(
        [site?.displayName, site?.egressAddress, site?.enrolled, site?.lastSeen, site?.createdAt],
        ['Elsewhere', undefined, true, NOW, sampleSite().createdAt],
      );
      await assert.rejects(sites.enroll(key, first.sha256, NOW, []), code('FORBIDDEN'));
      await sites.enroll(key, second.sha256, NOW, []);
    });

    it('drain, also when they are registered again, until they resume', async () => {
      const { sites, outbox } = open();
      const siteId = `d-${ulid().toLowerCase()}`.slice(0, 32);
      const register = () => sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      const drainingSince = async () => (await sites.find(siteId))?.drainingSince;
      await register();
      assert.equal(await drainingSince(), undefined);
      const audit = entry();
      await sites.setDraining(siteId, NOW, [audit]);
      await register();
      assert.equal(await drainingSince(), NOW);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
      await sites.setDraining(siteId, undefined, []);
      assert.equal(await drainingSince(), undefined);
      await sites.setDraining(siteId, undefined, []);
      await assert.rejects(sites.setDraining('vanished', NOW, []), code('NOT_FOUND'));
    });

    it('keep their operators when they are registered again without a word about them', async () => {
      const { sites } = open();
      const siteId = `o-${ulid().toLowerCase()}`.slice(0, 32);
      const operators = async (operatorGroups: readonly string[] | undefined) => {
        await sites.register({ ...sampleSite({ siteId }), operatorGroups }, { sha256: ulid(), expiresAt: LATER }, []);
        return (await sites.find(siteId))?.operatorGroups;
      };
      assert.deepEqual(await operators(undefined), []);
      assert.deepEqual(await operators(['one', 'two']), ['one', 'two']);
      assert.deepEqual(await operators(undefined), ['one', 'two']);
      assert.deepEqual(await operators([]), []);
    });

    it('keep the grants that their operators set last, also when they are registered again', async () => {
      const { sites, outbox } = open();
      const siteId = `g-${ulid().toLowerCase()}`.slice(0, 32);
      const register = () => sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      await register();
      assert.deepEqual((await sites.find(siteId))?.access, sampleSite().access);
      const audit = entry();
      const grant = { member: 'alice', images: ['hpc-base'], quota: { maxCpus: 4 } };
      const access = { version: 2, grants: [grant], vetoes: { members: ['mallory'], images: [] } };
      await sites.setAccess(siteId, access, [audit]);
      await register();
      assert.deepEqual((await sites.find(siteId))?.access, access);
      assert.ok((await outbox.pending(LATER)).some(({ entryId }) => entryId === audit.entryId));
      await assert.rejects(sites.setAccess(siteId, access, []), code('CONFLICT'));
      await assert.rejects(sites.setAccess('vanished', access, []), code('CONFLICT'));
    });

    it('shows the last heartbeat', async () => {
      const { sites } = open();
      const siteId = `h-${ulid().toLowerCase()}`.slice(0, 32);
      await sites.register(sampleSite({ siteId }), { sha256: ulid(), expiresAt: LATER }, []);
      const free = { cpus: 3, memoryMiB: 1000, publicAddresses: 7 };
      const said = { free, agentVersion: '0.1.0', cached: [{ imageId: ulid(), version: 3, cachedBytes: 5 }] };
      await sites.recordHeartbeat(siteId, NOW, said);
      const shown = (await sites.list()).find((site) => site.siteId === siteId);
      assert.deepEqual([shown?.free, shown?.cached], [free, said.cached]);
      assert.equal(shown?.lastSeen, NOW);
      await assert.rejects(sites.recordHeartbeat('vanished', NOW, said), code('NOT_FOUND'));
    });
  });

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

storeContract('in memory', () => {
  const outbox = new MemoryOutbox();
  const keys = new MemoryIdempotencyKeys();
  const uses = new MemoryVersionUses();
  return {
    outbox,
    deployments: new MemoryDeploymentStore(outbox, keys, uses),
    warmings: new MemoryWarmingStore(outbox, keys, uses),
    images: new MemoryImageStore(outbox, uses),
    sites: new MemorySiteStore(outbox),
    publishers: new MemoryPublisherStore(outbox),
    rateLimiter: new MemoryRateLimiter(),
  };
});

describe('DynamoDB', () => {
  let stores: Stores | undefined;
  const commands: string[] = [];
  const undo = new AsyncDisposableStack();

  before(async () => {
    const { client, table } = undo.use(await startStackTable());
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          commands.push(commandName ?? '');
          return next(args);
        },
      { step: 'initialize' },
    );
    stores = {
      outbox: new DynamoDbOutbox(table),
      deployments: new DynamoDbDeploymentStore(table),
      warmings: new DynamoDbWarmingStore(table),
      images: new DynamoDbImageStore(table),
      sites: new DynamoDbSiteStore(table),
      publishers: new DynamoDbPublisherStore(table),
      rateLimiter: new DynamoDbRateLimiter(table),
    };
  });
  after(() => undo.disposeAsync());

  storeContract('on DynamoDB', () => {
    assert.ok(stores);
    return stores;
  });

  it('a request costs one read and one update for the rate limit; one that is refused costs the read', async () => {
    const { rateLimiter } = stores ?? assert.fail();
    const take = async (now: string) => {
      commands.length = 0;
      await rateLimiter.take('member:thrifty', 'writes', new Date(now));
      return commands.map((name) => name.replace('Command', ''));
    };
    const taken = ['GetItem', 'UpdateItem'];
    assert.deepEqual(await take(LATER), taken);
    assert.deepEqual(await take(LATER), taken);
    assert.deepEqual(await take(NOW), ['GetItem']);
  });
});
