/** Sites as members see them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { showSiteResponse, siteListResponse } from '#shared/api/sites.ts';
import { ulid } from 'ulid';
import { listSites, showSite } from '../../functions/manage-sites/show-sites.ts';
import { ALICE, code, controlPlane, MALLORY } from '../helpers/control-plane.ts';
import { sampleImage } from '../helpers/model-samples.ts';

const FREE = { cpus: 1, memoryMiB: 1, publicAddresses: 1 };

/** `naist` has cached an image of everybody's, one of ALICE's alone, and one that the catalog does not have. */
async function cachingSite() {
  const { ports, image, pass } = await controlPlane();
  const own = await ports.images.findOrCreate(sampleImage({ imageName: 'own', sharing: { with: 'owner' } }), []);
  const cached = [own.imageId, image.imageId, ulid()].map((imageId) => ({ imageId, version: 1, cachedBytes: 7 }));
  const said = { free: FREE, agentVersion: '0.1.0', cached };
  await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), said);
  return { ports, pass };
}

describe('a member', () => {
  it('learns of cached images by name, and of none that they may not see: nor how many there are', async () => {
    const { ports } = await cachingSite();
    const seenBy = async (member: typeof ALICE) => (await showSite(member, 'naist', ports)).cached;
    const everybodys = { imageName: 'hpc-base', version: 1, cachedBytes: 7 };
    assert.deepEqual(await seenBy(ALICE), [{ ...everybodys, imageName: 'own' }, everybodys]);
    assert.deepEqual(await seenBy(MALLORY), [everybodys]);
    const counts = async (member: typeof ALICE) =>
      (await listSites(member, ports)).map(({ siteId, cachedImages }) => [siteId, cachedImages]);
    assert.deepEqual(await counts(ALICE), [
      ['naist', 2],
      ['ucsd', 0],
    ]);
    assert.deepEqual((await counts(MALLORY))[0], ['naist', 1]);
  });

  it('gets none of the ids, and nothing of the queue, in either answer', async () => {
    const { ports } = await cachingSite();
    const list = siteListResponse.parse({ sites: await listSites(MALLORY, ports) });
    const shown = showSiteResponse.parse({ site: await showSite(MALLORY, 'naist', ports) });
    for (const answer of [list, shown]) assert.doesNotMatch(JSON.stringify(answer), /imageId|queue|access/);
  });

  it('sees whether a site is silent, and is told where there is none', async () => {
    const { ports, pass } = await cachingSite();
    const silent = async () => (await listSites(ALICE, ports)).map((site) => site.silent);
    assert.deepEqual(await silent(), [false, true]);
    pass(60_000);
    assert.deepEqual(await silent(), [false, true]);
    pass(1);
    assert.deepEqual(await silent(), [true, true]);
    await assert.rejects(showSite(ALICE, 'nowhere', ports), code('NOT_FOUND'));
  });
});
