/** A site's operators: who they are, what they may do, and what is on record of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainSite, readAccess, resumeSite, setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { mayOperate } from '../../functions/site-rules.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ulid } from 'ulid';
import { ALICE, code, controlPlane, OSCAR, wish } from '../helpers/control-plane.ts';
import { sampleSite } from '../helpers/model-samples.ts';
import { nextReport } from '../helpers/next-report.ts';

const NO_VETOES = { members: [], images: [] };
const WARMING = { imageName: 'hpc-base', siteId: 'naist', keep: false };

describe('a site', () => {
  it('is operated by its operators and the federation’s, and by nobody else', () => {
    const operates = (...groups: string[]) => mayOperate({ memberId: 'm', groups }, sampleSite());
    assert.deepEqual([operates('nara-operators'), operates('federation-operators')], [true, true]);
    assert.deepEqual([operates(), operates('members', 'ucsd-operators')], [false, false]);
    const unnamed = sampleSite({ operatorGroups: [] });
    assert.equal(mayOperate({ memberId: 'm', groups: ['nara-operators'] }, unnamed), false);
  });

  it('that drains refuses deployments and warmings, on record; what is there goes on', async () => {
    const { ports, sent, trail } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await drainSite(OSCAR, 'naist', ports);
    sent.length = trail.length = 0;
    const refused = { ...code('SITE_DRAINING'), message: /^naist has been draining since 2026-11-23T09:00:00.000Z: / };
    await assert.rejects(requestDeployment(ALICE, wish(), undefined, ports), refused);
    await assert.rejects(warmImage(ALICE, WARMING, undefined, ports), refused);
    assert.deepEqual(
      trail.map(({ actor, action, decision, siteId }) => [actor, action, decision, siteId]),
      ['deployment.request', 'warming.request'].map((action) => ['member:alice', action, 'deny', 'naist']),
    );
    assert.equal(sent.length, 0);
    await renewUrls('naist', deploymentId, ports);
    const report = nextReport({ generation: 1, phase: 'FETCHING' });
    assert.equal((await recordReport('naist', deploymentId, report, ports)).phase, 'FETCHING');
  });

  it('takes new work again after it was resumed', async () => {
    const { ports } = await controlPlane();
    await drainSite(OSCAR, 'naist', ports);
    assert.equal((await resumeSite(OSCAR, 'naist', ports)).drainingSince, undefined);
    assert.equal((await requestDeployment(ALICE, wish(), undefined, ports)).phase, 'ACCEPTED');
    assert.equal((await warmImage(ALICE, WARMING, undefined, ports)).phase, 'ACCEPTED');
  });

  it('drained twice drains since the first time; only what changes something is on record', async () => {
    const { ports, trail, pass } = await controlPlane();
    const first = await drainSite(OSCAR, 'naist', ports);
    pass(60_000);
    assert.equal((await drainSite(OSCAR, 'naist', ports)).drainingSince, first.drainingSince);
    await resumeSite(OSCAR, 'naist', ports);
    await resumeSite(OSCAR, 'naist', ports);
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      ['site.drain', 'site.resume'].map((action) => ['member:oscar', action, 'allow']),
    );
  });

  it('is drained and resumed by nobody else: refused on record, and nothing changes', async () => {
    const { ports, trail } = await controlPlane();
    await assert.rejects(drainSite(ALICE, 'naist', ports), code('FORBIDDEN'));
    await assert.rejects(resumeSite(ALICE, 'naist', ports), code('FORBIDDEN'));
    await assert.rejects(drainSite(OSCAR, 'nowhere', ports), code('NOT_FOUND'));
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      ['site.drain', 'site.resume'].map((action) => ['member:alice', action, 'deny']),
    );
    assert.equal((await ports.sites.find('naist'))?.drainingSince, undefined);
  });
});

describe('the grants of a site', () => {
  const ONLY_BOB = { version: 1, grants: [{ member: 'bob', images: 'all', quota: {} } as const], vetoes: NO_VETOES };

  it('fault 52: are set by its operators, on record, and hold for the next request', async () => {
    const { ports, trail } = await controlPlane();
    trail.length = 0;
    assert.deepEqual(await setAccess(OSCAR, 'naist', ONLY_BOB, ports), { ...ONLY_BOB, version: 2 });
    assert.deepEqual(await readAccess(OSCAR, 'naist', ports), { ...ONLY_BOB, version: 2 });
    assert.deepEqual(
      trail.map(({ actor, action, decision, reason }) => [actor, action, decision, reason]),
      [['member:oscar', 'site.grants.set', 'allow', 'version 2: 1 grants, 0 vetoes']],
    );
    await assert.rejects(requestDeployment(ALICE, wish(), undefined, ports), code('FORBIDDEN'));
    const bob = { memberId: 'bob', groups: [] };
    assert.equal((await requestDeployment(bob, wish(), undefined, ports)).phase, 'ACCEPTED');
  });

  for (const { what, vetoes } of [
    { what: 'a member', vetoes: { members: ['alice'], images: [] } },
    { what: 'an image', vetoes: { members: [], images: ['hpc-base'] } },
  ]) {
    it(`veto ${what} for what is under way, too: nothing more is minted, on record, until the veto is gone`, async () => {
      const { ports, trail } = await controlPlane();
      const key = ulid();
      const { deploymentId } = await requestDeployment(ALICE, wish(), key, ports);
      const { warmingId } = await warmImage(ALICE, WARMING, undefined, ports);
      const { access } = (await ports.sites.find('naist')) ?? assert.fail();
      await setAccess(OSCAR, 'naist', { ...access, vetoes }, ports);
      trail.length = 0;
      const mint = () => Promise.reject(new Error('minted against a veto'));
      const vetoed = { ...ports, urlSigner: { mint } };
      await assert.rejects(renewUrls('naist', deploymentId, vetoed), code('VETOED'));
      await assert.rejects(renewWarmingUrls('naist', warmingId, vetoed), code('VETOED'));
      await assert.rejects(requestDeployment(ALICE, wish(), undefined, vetoed), code('VETOED'));
      await assert.rejects(warmImage(ALICE, WARMING, undefined, vetoed), code('VETOED'));
      assert.equal((await requestDeployment(ALICE, wish(), key, vetoed)).deploymentId, deploymentId);
      assert.deepEqual(
        trail.map(({ actor, action, decision }) => [actor, action, decision]),
        [
          ['agent:naist', 'urls.mint', 'deny'],
          ['agent:naist', 'urls.mint', 'deny'],
          ['member:alice', 'deployment.request', 'deny'],
          ['member:alice', 'warming.request', 'deny'],
        ],
      );
      await setAccess(OSCAR, 'naist', { ...access, version: 2 }, ports);
      await renewUrls('naist', deploymentId, ports);
      await renewWarmingUrls('naist', warmingId, ports);
    });
  }

  it('that somebody else has changed meanwhile are not overwritten', async () => {
    const { ports } = await controlPlane();
    await setAccess(OSCAR, 'naist', ONLY_BOB, ports);
    await assert.rejects(setAccess(OSCAR, 'naist', { ...ONLY_BOB, grants: [] }, ports), code('CONFLICT'));
  });

  it('fault 53: are read and set by nobody else: refused on record', async () => {
    const { ports, trail } = await controlPlane();
    await assert.rejects(readAccess(ALICE, 'naist', ports), code('FORBIDDEN'));
    await assert.rejects(setAccess(ALICE, 'naist', ONLY_BOB, ports), code('FORBIDDEN'));
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      ['site.grants.read', 'site.grants.set'].map((action) => ['member:alice', action, 'deny']),
    );
  });
});
