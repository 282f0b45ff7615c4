/** A dry run says what the request itself would say, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageVersion } from '#shared/api/images.ts';
import { hasCode } from '#shared/errors.ts';
import type { SiteAccess } from '#shared/site-access.ts';
import { checkDeployment } from '../../functions/check-deployment/check-deployment.ts';
import type { Member } from '../../functions/http/identity.ts';
import { shareImage } from '../../functions/manage-images/manage-images.ts';
import { recallVersion } from '../../functions/manage-images/manage-versions.ts';
import { drainSite, setAccess } from '../../functions/operate-site/operate-site.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { ALICE, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';

type Plane = Awaited<ReturnType<typeof controlPlane>>;

async function publishedVersion({ ports: { images } }: Plane): Promise<ImageVersion> {
  const image = await images.findByName('hpc-base');
  const [version] = image === undefined ? [] : await images.listVersions(image.imageId);
  assert.ok(version);
  return version;
}

const limitedTo = (maxClusters: number): SiteAccess => ({
  version: 1,
  grants: [{ groups: ['members'], images: 'all', quota: { maxClusters } }],
  vetoes: { members: [], images: [] },
});

/** Requests, the state that each is made in, and the code that it is refused with. */
const REFUSED: readonly {
  readonly code: string;
  readonly changes: Parameters<typeof wish>[0];
  /** ALICE where absent. */
  readonly member?: Member;
  readonly prepare?: (plane: Plane) => Promise<unknown>;
}[] = [
  { code: 'NOT_FOUND', changes: { imageName: 'nothing' } },
  { code: 'NOT_FOUND', changes: { imageVersion: 7 } },
  { code: 'NOT_FOUND', changes: { siteId: 'nowhere' } },
  { code: 'FORBIDDEN', changes: { siteId: 'ucsd' } },
  { code: 'NO_CAPACITY', changes: { siteId: 'any' } },
  { code: 'NOT_FOUND', changes: { siteId: 'any', imageName: 'nothing' } },
  { code: 'INVALID_REQUEST', changes: { imageName: 'no-computes' } },
  { code: 'NOT_FOUND', changes: { imageChannel: 'stable' } },
  { code: 'INVALID_REQUEST', changes: { imageChannel: 'stable', imageVersion: 1 } },
  {
    code: 'NOT_FOUND',
    changes: { computes: 1 },
    member: MALLORY,
    prepare: ({ ports }) => shareImage(ALICE, 'hpc-base', { with: 'owner' }, ports),
  },
  {
    code: 'IMAGE_RECALLED',
    changes: {},
    prepare: ({ ports }) => recallVersion(ALICE, { imageName: 'hpc-base', version: 1 }, 'broken', ports),
  },
  { code: 'SITE_DRAINING', changes: {}, prepare: ({ ports }) => drainSite(OSCAR, 'naist', ports) },
  { code: 'QUOTA_EXCEEDED', changes: {}, prepare: ({ ports }) => setAccess(OSCAR, 'naist', limitedTo(0), ports) },
];

describe('a dry run', () => {
  for (const { code, changes, member = ALICE, prepare } of REFUSED) {
    it(`of ${JSON.stringify(changes)} is refused with the ${code} of the request itself`, async () => {
      const plane = await controlPlane();
      const { ports } = plane;
      await prepare?.(plane);
      plane.trail.length = 0;
      const { refusal } = await checkDeployment(member, wish(changes), ports);
      assert.equal(plane.trail.length, 0);
      assert.equal(refusal?.code, code);
      await assert.rejects(requestDeployment(member, wish(changes), undefined, ports), (error) => {
        assert.ok(hasCode(error));
        assert.deepEqual([error.code, error.message, error.remedy], [refusal.code, refusal.message, refusal.remedy]);
        return true;
      });
    });
  }

  it('says where it would go, and writes nothing, accepted or refused', async () => {
    const plane = await controlPlane();
    const { ports, sent, trail, pass } = plane;
    const free = { cpus: 8, memoryMiB: 1024, publicAddresses: 3 };
    const lastSeen = ports.now().toISOString();
    await ports.sites.recordHeartbeat('naist', lastSeen, { free, agentVersion: '0.1.0', cached: [] });
    pass(1_000);
    const where = { siteId: 'naist', imageName: 'hpc-base', imageVersion: 1 };
    const { warning: tooLittle, ...check } = await checkDeployment(ALICE, wish(), ports);
    const version = await publishedVersion(plane);
    assert.ok(version.storedBytes > 0);
    assert.deepEqual(check, { ...where, agentHeard: true, lastSeen, free, bytesToFetch: version.storedBytes });
    assert.deepEqual(
      [tooLittle?.code, tooLittle?.message],
      ['NO_CAPACITY', 'naist has 8 CPUs, 1024 MiB and 3 addresses free'],
    );
    await checkDeployment(ALICE, wish({ siteId: 'ucsd' }), ports);
    const anywhere = await checkDeployment(ALICE, wish({ siteId: 'any', computes: 1 }), ports);
    assert.deepEqual([anywhere.siteId, anywhere.refusal?.code], [undefined, 'NO_CAPACITY']);
    const memoryMiB = { frontend: 512, compute: 512 };
    assert.deepEqual(await checkDeployment(ALICE, wish({ siteId: 'any', computes: 1, memoryMiB }), ports), check);
    assert.deepEqual([sent.length, trail.length, ports.outbox.entries.size], [0, 0, 0]);
    assert.deepEqual(await ports.deployments.listByMember('alice', undefined, 10), []);
    assert.deepEqual(await ports.deployments.usage('alice', 'naist'), { cpus: 0, clusters: 0 });
  });

  it('says how many bytes are not at the site yet, and never less than none', async () => {
    const plane = await controlPlane();
    const { ports } = plane;
    const { imageId, storedBytes } = await publishedVersion(plane);
    const missing = async (cachedBytes: number) => {
      const free = { cpus: 99, memoryMiB: 99_999, publicAddresses: 1 };
      const cached = [{ imageId, version: 1, cachedBytes }];
      await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), { free, agentVersion: '0.1.0', cached });
      const { bytesToFetch, warning } = await checkDeployment(ALICE, wish(), ports);
      assert.equal(warning, undefined, 'it fits');
      return bytesToFetch;
    };
    assert.deepEqual(
      [await missing(1), await missing(storedBytes), await missing(storedBytes + 1)],
      [storedBytes - 1, 0, 0],
    );
  });

  it('says whether the agent has been heard within a minute', async () => {
    const { ports, pass } = await controlPlane();
    const isHeard = async () => (await checkDeployment(ALICE, wish(), ports)).agentHeard;
    assert.equal(await isHeard(), false);
    const free = { cpus: 1, memoryMiB: 1, publicAddresses: 1 };
    await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), { free, agentVersion: '0.1.0', cached: [] });
    pass(60_000);
    assert.equal(await isHeard(), true);
    pass(1);
    assert.equal(await isHeard(), false);
  });
});
