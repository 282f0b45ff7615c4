/** A cluster lives as long as its member and the quota say, and no longer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { checkDeployment } from '../../functions/check-deployment/check-deployment.ts';
import { endAfter } from '../../functions/deployment-end.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { extendDeployment } from '../../functions/extend-deployment/extend-deployment.ts';
import { recallVersion } from '../../functions/manage-images/manage-versions.ts';
import { drainSite, setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import type { EndsTended } from '../../functions/sweep/tend-ends.ts';
import { ALICE, code, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

const HOUR_MS = 3_600_000;
type Ports = Awaited<ReturnType<typeof controlPlane>>['ports'];

async function limited(quota: Quota) {
  const plane = await controlPlane();
  const grants = [{ groups: ['members'], images: 'all' as const, quota }];
  await setAccess(OSCAR, 'naist', { version: 1, grants, vetoes: { members: [], images: [] } }, plane.ports);
  plane.trail.length = 0;
  return plane;
}

describe('how long a cluster lives', () => {
  const endsAt = async (quota: Quota, hours?: number) => {
    const { ports } = await limited(quota);
    return (await requestDeployment(ALICE, wish({ hours }), undefined, ports)).endsAt;
  };

  it('is what its member asks for, or else what the quota has, or else for ever', async () => {
    assert.equal(await endsAt({}), undefined);
    assert.equal(await endsAt({}, 2), '2026-11-23T11:00:00.000Z');
    assert.equal(await endsAt({ maxHours: 24 }), '2026-11-24T09:00:00.000Z');
    assert.equal(await endsAt({ maxHours: 24 }, 24), '2026-11-24T09:00:00.000Z');
  });

  it('is not longer than the quota: refused on record, and in a dry run', async () => {
    const { ports, trail } = await limited({ maxHours: 24 });
    const exceeded = { ...code('QUOTA_EXCEEDED'), message: /may live 24 hours, not 25/ };
    assert.equal((await checkDeployment(ALICE, wish({ hours: 25 }), ports)).refusal?.code, 'QUOTA_EXCEEDED');
    assert.equal(trail.length, 0);
    await assert.rejects(requestDeployment(ALICE, wish({ hours: 25 }), undefined, ports), exceeded);
    assert.deepEqual(
      trail.map(({ action, decision }) => [action, decision]),
      [['deployment.request', 'deny']],
    );
  });
});

describe('the warning', () => {
  it('comes when a quarter of the time is left, or six hours', () => {
    const now = new Date('2026-11-23T09:00:00.000Z');
    const warningAfter = (hours: number) => endAfter(hours, now).endWarningAt;
    assert.equal(warningAfter(1), '2026-11-23T09:45:00.000Z');
    assert.equal(warningAfter(24), '2026-11-24T03:00:00.000Z');
    assert.equal(warningAfter(240), '2026-12-03T03:00:00.000Z');
  });

  it('is an event of the history, once, on record; nothing is told to the site', async () => {
    const { ports, sent, trail, pass } = await limited({ maxHours: 4 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    sent.length = trail.length = 0;
    pass(3 * HOUR_MS - 1);
    assert.equal((await sweep(ports)).warned, 0);
    pass(1);
    assert.equal((await sweep(ports)).warned, 1);
    assert.equal((await sweep(ports)).warned, 0);
    const endsAt = '2026-11-23T13:00:00.000Z';
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, 1)).map((event) => [event.actor, event.phase, event.endsAt]),
      [['sweep', 'ACCEPTED', endsAt]],
    );
    assert.deepEqual(
      trail.map(({ actor, action, decision, sequence, reason }) => [actor, action, decision, sequence, reason]),
      [['sweep', 'deployment.warn', 'allow', 2, `it ends at ${endsAt}`]],
    );
    assert.equal(sent.length, 0);
  });

  it('is left out where the time is over already, and where the cluster is', async () => {
    const { ports, pass } = await limited({ maxHours: 4, maxClusters: 2 });
    const [late, failed] = [
      await requestDeployment(ALICE, wish(), undefined, ports),
      await requestDeployment(ALICE, wish(), undefined, ports),
    ];
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    await recordReport('naist', failed.deploymentId, nextReport({ generation: 1, phase: 'FAILED', failure }), ports);
    pass(5 * HOUR_MS);
    assert.deepEqual(pickEnds(await sweep(ports)), [0, 1]);
    assert.equal((await ports.deployments.find(late.deploymentId))?.desired.power, 'destroyed');
  });
});

describe('the sweep', () => {
  it('wishes a cluster gone that has not run when its time is over: once, on record, told to the site', async () => {
    const { ports, sent, trail, pass } = await limited({ maxHours: 1 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    pass(HOUR_MS - 1);
    assert.equal((await sweep(ports)).destroyed, 0);
    sent.length = trail.length = 0;
    pass(1);
    assert.equal((await sweep(ports)).destroyed, 1);
    assert.equal((await sweep(ports)).destroyed, 0);
    const { desired } = (await ports.deployments.find(deploymentId)) ?? assert.fail();
    assert.deepEqual([desired.power, desired.generation], ['destroyed', 2]);
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation]),
      [[deploymentId, 2]],
    );
    assert.deepEqual(
      trail.map(({ actor, action, decision, sequence, reason }) => [actor, action, decision, sequence, reason]),
      [['sweep', 'deployment.destroy', 'allow', 3, 'its time was over at 2026-11-23T10:00:00.000Z']],
    );
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, 2)).map(({ actor }) => actor),
      ['sweep'],
    );
  });

  it('has nothing to do with one that its member has destroyed', async () => {
    const { ports, pass } = await limited({ maxHours: 1 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await destroyDeployment(ALICE, deploymentId, ports);
    pass(2 * HOUR_MS);
    assert.equal((await sweep(ports)).destroyed, 0);
  });
});

describe('an end that is put off', () => {
  async function running(quota: Quota, hours?: number) {
    const plane = await limited(quota);
    const { deploymentId } = await requestDeployment(ALICE, wish({ hours }), undefined, plane.ports);
    plane.trail.length = plane.sent.length = 0;
    const extend = (more: number, member = ALICE) => extendDeployment(member, deploymentId, more, plane.ports);
    const row = async () => (await plane.ports.deployments.find(deploymentId)) ?? assert.fail();
    return { ...plane, deploymentId, extend, row };
  }

  it('is so many hours from now, in history and trail; the warning comes anew', async () => {
    const { ports, trail, sent, pass, deploymentId, extend } = await running({ maxHours: 8 });
    pass(7 * HOUR_MS);
    assert.equal((await sweep(ports)).warned, 1);
    trail.length = 0;
    const endsAt = '2026-11-24T00:00:00.000Z';
    const extended = await extend(8);
    assert.deepEqual([extended.endsAt, extended.endWarningAt], [endsAt, '2026-11-23T22:00:00.000Z']);
    assert.deepEqual(
      trail.map(({ actor, action, decision, sequence, reason }) => [actor, action, decision, sequence, reason]),
      [['member:alice', 'deployment.extend', 'allow', 3, `until ${endsAt}`]],
    );
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, 2)).map((event) => [event.actor, event.endsAt]),
      [['member:alice', endsAt]],
    );
    assert.equal(sent.length, 0);
    pass(6 * HOUR_MS - 1);
    assert.deepEqual(pickEnds(await sweep(ports)), [0, 0]);
    pass(1);
    assert.deepEqual(pickEnds(await sweep(ports)), [1, 0]);
    pass(2 * HOUR_MS);
    assert.deepEqual(pickEnds(await sweep(ports)), [0, 1]);
  });

  it('fault 53: is not for others: to them there is no such deployment, on record', async () => {
    const { extend, trail } = await running({ maxHours: 8 });
    await assert.rejects(extend(8, MALLORY), code('NOT_FOUND'));
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      [['member:mallory', 'deployment.extend', 'deny']],
    );
  });

  const grants = [{ groups: ['members'], images: 'all' as const, quota: { maxHours: 2 } }];
  const NO_VETOES = { members: [], images: [] };
  const REFUSED: { code: ErrorCode; what: string; now: (ports: Ports) => Promise<unknown> }[] = [
    {
      ...{ code: 'FORBIDDEN', what: 'whose member has no grant any more' },
      now: (ports) => setAccess(OSCAR, 'naist', { version: 2, grants: [], vetoes: NO_VETOES }, ports),
    },
    {
      ...{ code: 'VETOED', what: 'whose image is refused now' },
      now: (ports) =>
        setAccess(OSCAR, 'naist', { version: 2, grants, vetoes: { members: [], images: ['hpc-base'] } }, ports),
    },
    {
      ...{ code: 'IMAGE_RECALLED', what: 'whose version is recalled' },
      now: (ports) => recallVersion(ALICE, { imageName: 'hpc-base', version: 1 }, 'broken', ports),
    },
    { code: 'SITE_DRAINING', what: 'whose site drains', now: (ports) => drainSite(OSCAR, 'naist', ports) },
    {
      ...{ code: 'QUOTA_EXCEEDED', what: 'beyond the hours of today’s quota' },
      now: (ports) => setAccess(OSCAR, 'naist', { version: 2, grants, vetoes: NO_VETOES }, ports),
    },
  ];
  for (const { code: refusal, what, now } of REFUSED) {
    it(`is refused to a deployment ${what}, on record; its end stays`, async () => {
      const { ports, trail, deploymentId, extend, row } = await running({ maxHours: 8 }, 2);
      const before = await row();
      await now(ports);
      trail.length = 0;
      await assert.rejects(extend(4), code(refusal));
      assert.deepEqual(
        trail.map((record) => [record.actor, record.action, record.decision, record.deploymentId]),
        [['member:alice', 'deployment.extend', 'deny', deploymentId]],
      );
      assert.deepEqual(await row(), before);
    });
  }

  it('is not earlier, nor of a deployment without one, nor of one that is over or will be', async () => {
    const { ports, deploymentId, extend } = await running({ maxHours: 8 });
    await assert.rejects(extend(8), { ...code('INVALID_REQUEST'), message: /ends at 2026-11-23T17:00:00.000Z/ });
    const endless = await running({});
    await assert.rejects(endless.extend(8), { ...code('INVALID_REQUEST'), message: /no end/ });
    await destroyDeployment(ALICE, deploymentId, ports);
    await assert.rejects(extend(8), { ...code('CONFLICT'), message: /to be destroyed/ });
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    await recordReport('naist', deploymentId, nextReport({ generation: 2, phase: 'FAILED', failure }), ports);
    await assert.rejects(extend(8), { ...code('CONFLICT'), message: /FAILED/ });
  });
});

const pickEnds = ({ warned, destroyed }: EndsTended) => [warned, destroyed];
