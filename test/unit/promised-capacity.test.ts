/** What was accepted for a site since its agent spoke is not free there, whatever the agent said. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { ulid } from 'ulid';
import { checkDeployment } from '../../functions/check-deployment/check-deployment.ts';
import { findSiteFor } from '../../functions/find-site.ts';
import type { SiteRecord } from '../../functions/ports.ts';
import { lessPromised } from '../../functions/promised-capacity.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { ALICE, code, controlPlane, wish } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleSite } from '../helpers/model-samples.ts';

const SECOND_MS = 1000;
const SEEN_MS = Date.parse('2026-11-23T09:00:00.000Z');
const FREE = { cpus: 10, memoryMiB: 20_000, publicAddresses: 5 };
/** Of the sample deployment: two computes and a frontend of 2,048 MiB each. */
const LESS_ONE = { cpus: 8, memoryMiB: 20_000 - 3 * 2048, publicAddresses: 4 };

describe('a site that says what is free', () => {
  const site: SiteRecord = { ...sampleSite(), lastSeen: new Date(SEEN_MS).toISOString(), free: FREE };

  async function freeWith(seconds: number, changes: Partial<Deployment> = {}) {
    const atMs = SEEN_MS + seconds * SECOND_MS;
    const row = sampleDeployment({ deploymentId: ulid(atMs), createdAt: new Date(atMs).toISOString(), ...changes });
    const deployments = {
      listAtSite: () => Promise.resolve([row.deploymentId, ulid(atMs)]),
      find: (deploymentId: string) => Promise.resolve(deploymentId === row.deploymentId ? row : undefined),
    };
    return (await lessPromised(site, deployments)).free;
  }

  it('has less by what it has not taken yet, accepted before or after', async () => {
    assert.deepEqual(await freeWith(5), LESS_ONE);
    assert.deepEqual(await freeWith(-5), LESS_ONE);
  });

  it('has less by what it has taken since, and not by what it had taken before', async () => {
    for (const phase of ['FETCHING', 'BOOTING', 'RUNNING'] as const) {
      assert.deepEqual(await freeWith(5, { phase }), LESS_ONE, phase);
      assert.deepEqual(await freeWith(-5, { phase }), FREE, phase);
    }
  });

  it('has what it says beside what is over, or shall be gone, or has waited too long', async () => {
    assert.deepEqual(await freeWith(5, { phase: 'FAILED' }), FREE);
    const desired = { power: 'destroyed', computes: 2, cpusPerCompute: 1, generation: 2 } as const;
    assert.deepEqual(await freeWith(5, { desired }), FREE);
    assert.deepEqual(await freeWith(-301), FREE);
  });

  it('never has less than nothing', async () => {
    const desired = { power: 'on', computes: 99, cpusPerCompute: 1, generation: 1 } as const;
    assert.deepEqual(await freeWith(5, { desired }), { cpus: 0, memoryMiB: 0, publicAddresses: 4 });
  });
});

describe('any site, asked for in quick succession', () => {
  const anywhere = () => wish({ siteId: 'any', computes: 1, memoryMiB: { frontend: 1024, compute: 1024 } });
  /** Room for two. */
  const said = { free: { cpus: 2, memoryMiB: 8192, publicAddresses: 9 }, agentVersion: '1', cached: [] };

  it('takes as many as there is room for, and more when the agent says that there is more', async () => {
    const { ports, pass } = await controlPlane();
    const announce = () => ports.sites.recordHeartbeat('naist', ports.now().toISOString(), said);
    const request = async () => {
      pass(SECOND_MS);
      return requestDeployment(ALICE, anywhere(), undefined, ports);
    };
    await announce();
    const made = [await request()];
    const { warning, free } = await checkDeployment(ALICE, anywhere(), ports);
    assert.deepEqual([warning, free], [undefined, said.free], 'there is room for one more');
    made.push(await request());
    await assert.rejects(request(), code('NO_CAPACITY'));
    const { refusal } = await checkDeployment(ALICE, anywhere(), ports);
    assert.equal(refusal?.code, 'NO_CAPACITY', 'a dry run says so');

    pass(SECOND_MS);
    await announce();
    await assert.rejects(request(), code('NO_CAPACITY'), 'none of them is taken yet');
    for (const before of made) {
      const after = { ...before, phase: 'FETCHING' as const, version: before.version + 1 };
      await ports.deployments.replace(before, after, undefined, []);
    }
    assert.equal((await request()).siteId, 'naist');
  });

  it('is another one with room where the best one has none left', async () => {
    const { ports, pass } = await controlPlane();
    const two = sampleSite({ siteId: 'aist' });
    await ports.sites.register(two, { sha256: 'x', expiresAt: '2027-01-01T00:00:00.000Z' }, []);
    const roomy = { ...said, free: { ...said.free, cpus: 3 } };
    await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), roomy);
    await ports.sites.recordHeartbeat('aist', ports.now().toISOString(), said);
    const chosen: string[] = [];
    for (let i = 0; i < 5; i++) {
      pass(SECOND_MS);
      chosen.push((await requestDeployment(ALICE, anywhere(), undefined, ports)).siteId);
    }
    assert.deepEqual(chosen.toSorted(), ['aist', 'aist', 'naist', 'naist', 'naist']);
    await assert.rejects(requestDeployment(ALICE, anywhere(), undefined, ports), code('NO_CAPACITY'));
  });

  it('looks at sixteen sites, however many are full: the next is taken by its word, and its agent has the last', async () => {
    const { ports, image } = await controlPlane();
    const sites = Array.from({ length: 100 }, (_, i) => ({
      ...sampleSite({ siteId: `site-${String(i).padStart(2, '0')}` }),
      ...{ lastSeen: ports.now().toISOString(), ...said, enrolled: true },
    }));
    const looked: string[] = [];
    const promised = sampleDeployment({ createdAt: ports.now().toISOString() });
    const deployments = {
      usage: () => Promise.resolve({ cpus: 0, clusters: 0 }),
      find: () => Promise.resolve(promised),
      listAtSite: (siteId: string) => {
        looked.push(siteId);
        return Promise.resolve([ulid(ports.now().getTime())]);
      },
    };
    const version = (await ports.images.findVersion(image.imageId, 1)) ?? assert.fail();
    const find = { ...ports, deployments, sites: Object.assign(ports.sites, { list: () => Promise.resolve(sites) }) };
    const { siteId } = await findSiteFor(ALICE, version, anywhere(), find);
    assert.deepEqual([siteId, looked.length, new Set(looked).size], ['site-16', 16, 16]);
  });

  it('a site that is named takes it still, since its agent has the last word; a dry run warns', async () => {
    const { ports, pass } = await controlPlane();
    await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), said);
    const named = { ...anywhere(), siteId: 'naist' };
    for (let i = 0; i < 3; i++) {
      const { warning } = await checkDeployment(ALICE, named, ports);
      assert.equal(warning?.code, i < 2 ? undefined : 'NO_CAPACITY', String(i));
      pass(SECOND_MS);
      await requestDeployment(ALICE, named, undefined, ports);
    }
  });
});
