import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Quota, SiteAccess, SiteGrant } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { quotaAt, requireRoom } from '../../functions/site-quota.ts';
import { ALICE, code, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

const access = (...grants: SiteGrant[]): SiteAccess => ({ version: 1, grants, vetoes: { members: [], images: [] } });
const forMembers = (quota: Quota): SiteGrant => ({ groups: ['members'], images: 'all', quota });

describe('a quota', () => {
  it('is the widest limit of each kind, of the grants for the member and the image', () => {
    const said = access(
      forMembers({ maxCpus: 4, maxClusters: 3, maxHours: 8 }),
      { member: 'alice', images: ['hpc-base'], quota: { maxCpus: 16, maxClusters: 1 } },
      { member: 'bob', images: 'all', quota: {} },
      { member: 'alice', images: ['free'], quota: { maxClusters: 2 } },
    );
    assert.deepEqual(quotaAt(said, ALICE, 'hpc-base'), { maxCpus: 16, maxClusters: 3, maxHours: undefined });
    assert.deepEqual(quotaAt(said, ALICE, 'other'), { maxCpus: 4, maxClusters: 3, maxHours: 8 });
    assert.deepEqual(quotaAt(said, ALICE, 'free'), { maxCpus: undefined, maxClusters: 3, maxHours: undefined });
  });

  it('is exceeded by one CPU, or one cluster, more; the words say by what', () => {
    const asked = { memberId: 'alice', siteId: 'naist' };
    const one = { cpus: 4, clusters: 1 };
    requireRoom(asked, one, { cpus: 12, clusters: 1 }, { maxCpus: 16, maxClusters: 2 });
    requireRoom(asked, one, { cpus: 1200, clusters: 100 }, {});
    const exceeded = (message: string) => ({ ...code('QUOTA_EXCEEDED'), message });
    assert.throws(
      () => requireRoom(asked, one, { cpus: 13, clusters: 1 }, { maxCpus: 16, maxClusters: 2 }),
      exceeded('alice has 1 of 2 clusters and 13 of 16 CPUs at naist; this one would add a cluster and 4 CPUs'),
    );
    assert.throws(
      () => requireRoom(asked, one, { cpus: 0, clusters: 2 }, { maxClusters: 2 }),
      exceeded('alice has 2 of 2 clusters and 0 CPUs at naist; this one would add a cluster and 4 CPUs'),
    );
  });

  it('of a kind that nothing is added to is not asked: it may have been made narrower', () => {
    const asked = { memberId: 'alice', siteId: 'naist' };
    const taken = { cpus: 9, clusters: 9 };
    requireRoom(asked, { cpus: 1, clusters: 0 }, taken, { maxCpus: 10, maxClusters: 1 });
    requireRoom(asked, { cpus: 0, clusters: 1 }, taken, { maxCpus: 1, maxClusters: 10 });
    const message = 'alice has 9 of 1 clusters and 9 of 10 CPUs at naist; 2 more CPUs are wanted';
    assert.throws(() => requireRoom(asked, { cpus: 2, clusters: 0 }, taken, { maxCpus: 10, maxClusters: 1 }), {
      ...code('QUOTA_EXCEEDED'),
      message,
    });
  });
});

describe('a deployment above the quota', () => {
  async function limited(quota: Quota) {
    const plane = await controlPlane();
    await setAccess(OSCAR, 'naist', access(forMembers(quota)), plane.ports);
    plane.trail.length = 0;
    return plane;
  }

  it('is refused on record, before anything is minted; others have a quota of their own', async () => {
    const { ports, trail, sent } = await limited({ maxCpus: 3 });
    await requestDeployment(ALICE, wish({ computes: 2 }), undefined, ports);
    sent.length = trail.length = 0;
    const mint = () => Promise.reject(new Error('minted for nobody'));
    const again = requestDeployment(ALICE, wish({ computes: 2 }), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(again, { ...code('QUOTA_EXCEEDED'), message: /2 of 3 CPUs at naist/ });
    assert.deepEqual(
      trail.map(({ actor, action, decision, siteId }) => [actor, action, decision, siteId]),
      [['member:alice', 'deployment.request', 'deny', 'naist']],
    );
    assert.equal(sent.length, 0);
    await requestDeployment(MALLORY, wish({ computes: 2 }), undefined, ports);
  });

  it('by one that came in between is refused on record, too', async () => {
    const { ports, trail } = await limited({ maxClusters: 1 });
    const urlSigner = {
      mint: async (request: { imageId: string }) => {
        await requestDeployment(ALICE, wish(), undefined, ports);
        return ports.urlSigner.mint(request);
      },
    };
    await assert.rejects(requestDeployment(ALICE, wish(), undefined, { ...ports, urlSigner }), code('QUOTA_EXCEEDED'));
    assert.deepEqual(
      trail.map(({ decision }) => decision),
      ['allow', 'deny'],
    );
  });

  it('is accepted once an earlier one has ended; a failed one counts no more either', async () => {
    const { ports } = await limited({ maxClusters: 1 });
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await assert.rejects(requestDeployment(ALICE, wish(), undefined, ports), code('QUOTA_EXCEEDED'));
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    await recordReport('naist', deploymentId, nextReport({ generation: 1, phase: 'FAILED', failure }), ports);
    assert.equal((await requestDeployment(ALICE, wish(), undefined, ports)).phase, 'ACCEPTED');
  });

  it('is no matter of who asks again with the same key: also at a site that drains or is closed to them', async () => {
    const { ports, sent } = await limited({ maxClusters: 1 });
    const key = ulid();
    const first = await requestDeployment(ALICE, wish(), key, ports);
    await setAccess(OSCAR, 'naist', { ...access(), version: 2 }, ports);
    assert.equal((await requestDeployment(ALICE, wish(), key, ports)).deploymentId, first.deploymentId);
    assert.equal(sent.length, 1);
  });
});
