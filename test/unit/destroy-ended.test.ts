/** A cluster lives as long as its member and the quota say, and no longer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Quota } from '#shared/site-access.ts';
import { checkDeployment } from '../../functions/check-deployment/check-deployment.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { setAccess } from '../../functions/operate-site/operate-site.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { ALICE, code, controlPlane, OSCAR, wish } from '../helpers/control-plane.ts';

const HOUR_MS = 3_600_000;

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

describe('the sweep', () => {
  it('wishes a cluster gone when its time is over: once, on record, told to the site', async () => {
    const { ports, sent, trail, pass } = await limited({ maxHours: 1 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    sent.length = trail.length = 0;
    pass(HOUR_MS - 1);
    assert.equal((await sweep(ports)).ended, 0);
    pass(1);
    assert.equal((await sweep(ports)).ended, 1);
    assert.equal((await sweep(ports)).ended, 0);
    const { desired } = (await ports.deployments.find(deploymentId)) ?? assert.fail();
    assert.deepEqual([desired.power, desired.generation], ['destroyed', 2]);
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation]),
      [[deploymentId, 2]],
    );
    assert.deepEqual(
      trail.map(({ actor, action, decision, sequence, reason }) => [actor, action, decision, sequence, reason]),
      [['sweep', 'deployment.destroy', 'allow', 2, 'its time was over at 2026-11-23T10:00:00.000Z']],
    );
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, 1)).map(({ actor }) => actor),
      ['sweep'],
    );
  });

  it('has nothing to do with one that its member has destroyed', async () => {
    const { ports, pass } = await limited({ maxHours: 1 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await destroyDeployment(ALICE, deploymentId, ports);
    pass(2 * HOUR_MS);
    assert.equal((await sweep(ports)).ended, 0);
  });
});
