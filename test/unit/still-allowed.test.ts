/** Fresh URLs for what was accepted before: under the rules of now, for who asked and the groups they had when they did. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sharing } from '#shared/image/catalog.ts';
import type { SiteGrant } from '#shared/site-access.ts';
import type { Member } from '../../functions/http/identity.ts';
import { shareImage } from '../../functions/manage-images/manage-images.ts';
import { setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { scaleDeployment } from '../../functions/steer-deployment/scale-deployment.ts';
import { startDeployment, stopDeployment } from '../../functions/steer-deployment/steer-deployment.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ALICE, code, controlPlane, OSCAR, wish } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent, sampleWarming } from '../helpers/model-samples.ts';

const MIRA = { memberId: 'mira', groups: ['members', 'physics'] };
const NODES = [{ name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' }];
const grantFor = (grant: Omit<SiteGrant, 'images' | 'quota'>, images: SiteGrant['images'] = 'all') => [
  { ...grant, images, quota: {} },
];

type Plane = Awaited<ReturnType<typeof controlPlane>>;
interface Accepted {
  readonly kind: string;
  readonly accept: (plane: Plane) => Promise<() => Promise<unknown>>;
}

/** What MIRA is given, and how its agent asks for more. */
const KINDS: readonly Accepted[] = [
  {
    kind: 'a deployment',
    accept: async ({ ports }) => {
      const { deploymentId } = await requestDeployment(MIRA, wish(), undefined, ports);
      return () => renewUrls('naist', deploymentId, ports);
    },
  },
  {
    kind: 'a warming',
    accept: async ({ ports }) => {
      const wished = { imageName: 'hpc-base', siteId: 'naist', keep: false };
      const { warmingId } = await warmImage(MIRA, wished, undefined, ports);
      return () => renewWarmingUrls('naist', warmingId, ports);
    },
  },
];

async function grant({ ports }: Plane, grants: readonly SiteGrant[]): Promise<void> {
  const { access } = (await ports.sites.find('naist')) ?? assert.fail();
  await setAccess(OSCAR, 'naist', { ...access, grants: [...grants] }, ports);
}

async function share({ ports }: Plane, sharing: Sharing): Promise<void> {
  await shareImage(ALICE, 'hpc-base', sharing, ports);
}

const TAKEN_BACK = [
  {
    what: 'the grant is another member’s now',
    change: (plane: Plane) => grant(plane, grantFor({ member: 'bob' })),
    said: 'no grant of naist is for mira any more',
  },
  {
    what: 'her groups are taken out of the grant',
    change: (plane: Plane) => grant(plane, grantFor({ groups: ['biology'] })),
    said: 'no grant of naist is for mira any more',
  },
  {
    what: 'the image is taken out of the grant',
    change: (plane: Plane) => grant(plane, grantFor({ groups: ['members'] }, ['no-computes'])),
    said: 'no grant of naist for mira is for the image hpc-base any more',
  },
  {
    what: 'the image is its owner’s alone',
    change: (plane: Plane) => share(plane, { with: 'owner' }),
    said: 'the image hpc-base is not shared with mira any more',
  },
  {
    what: 'her groups are taken out of the sharing',
    change: (plane: Plane) => share(plane, { with: 'groups', groups: ['biology'] }),
    said: 'the image hpc-base is not shared with mira any more',
  },
];

for (const { kind, accept } of KINDS) {
  describe(`${kind} under way gets fresh URLs`, () => {
    for (const { what, change, said } of TAKEN_BACK) {
      it(`no more when ${what}: nothing is minted, on record; again when the right is given back`, async () => {
        const plane = await controlPlane();
        const renew = await accept(plane);
        await renew();
        await change(plane);
        const { mint } = plane.ports.urlSigner;
        plane.ports.urlSigner.mint = () => Promise.reject(new Error('minted for nobody'));
        plane.trail.length = 0;
        await assert.rejects(renew(), { ...code('ACCESS_WITHDRAWN'), message: said });
        assert.deepEqual(
          plane.trail.map(({ actor, action, decision, reason }) => [actor, action, decision, reason]),
          [['agent:naist', 'urls.mint', 'deny', said]],
        );
        plane.ports.urlSigner.mint = mint;
        await grant(plane, grantFor({ groups: ['members'] }));
        await share(plane, { with: 'members' });
        await renew();
      });
    }

    for (const store of ['sites', 'images'] as const) {
      it(`later, where the row of ${store} is lost: that takes no right back, and ends nothing`, async () => {
        const plane = await controlPlane();
        const renew = await accept(plane);
        const rows: { find?: unknown; findById?: unknown } = plane.ports[store];
        const read = store === 'sites' ? 'find' : 'findById';
        const before = rows[read];
        rows[read] = () => Promise.resolve(undefined);
        plane.trail.length = 0;
        await assert.rejects(renew(), code('SERVICE_UNAVAILABLE'));
        assert.deepEqual(plane.trail, []);
        rows[read] = before;
        await renew();
      });
    }

    it('while some grant and some sharing are for one of the groups that she had', async () => {
      const plane = await controlPlane();
      const renew = await accept(plane);
      await grant(plane, [...grantFor({ member: 'bob' }), ...grantFor({ groups: ['physics'] }, ['hpc-base'])]);
      await share(plane, { with: 'groups', groups: ['biology', 'physics'] });
      await renew();
    });
  });
}

it('of whom nothing is known, the groups are not: a grant by name holds, one for a group does not', async () => {
  const plane = await controlPlane();
  const { ports, image } = plane;
  const of = { memberId: 'mira', imageId: image.imageId };
  const [deployment, warming] = [sampleDeployment(of), sampleWarming(of)];
  await ports.deployments.create(deployment, sampleEvent(deployment), [], undefined);
  await ports.warmings.create(warming, [], undefined);
  const attempts = [
    () => renewUrls('naist', deployment.deploymentId, ports),
    () => renewWarmingUrls('naist', warming.warmingId, ports),
  ];
  for (const renew of attempts) await assert.rejects(renew(), code('ACCESS_WITHDRAWN'));
  await grant(plane, grantFor({ member: 'mira' }));
  for (const renew of attempts) await renew();
});

describe('what is known of who asked', () => {
  const FIRST = { sequence: 1, generation: 1, agentId: 'a' };
  async function running(asker: Member) {
    const plane = await controlPlane();
    const { ports } = plane;
    const { deploymentId } = await requestDeployment(asker, wish({ computes: 0 }), undefined, ports);
    await recordReport('naist', deploymentId, { ...FIRST, phase: 'RUNNING', nodes: NODES }, ports);
    return { plane, ports, deploymentId, known: () => ports.deployments.findAsker(deploymentId) };
  }
  const LATER = { memberId: 'mira', groups: ['members', 'biology'] };

  it('is of their last wish for more: what the new computes need is theirs by the groups that they have now', async () => {
    const { plane, ports, deploymentId, known } = await running(MIRA);
    await scaleDeployment(LATER, deploymentId, 1, ports);
    assert.deepEqual(await known(), LATER);
    await recordReport('naist', deploymentId, { ...FIRST, sequence: 2, generation: 2, phase: 'SCALING' }, ports);
    await grant(plane, grantFor({ groups: ['biology'] }));
    await renewUrls('naist', deploymentId, ports);
    await grant(plane, grantFor({ groups: ['physics'] }));
    await assert.rejects(renewUrls('naist', deploymentId, ports), code('ACCESS_WITHDRAWN'));
  });

  it('is of the last start, too; a wish that needs no right changes nothing of it', async () => {
    const { ports, deploymentId, known } = await running(MIRA);
    await stopDeployment(LATER, deploymentId, ports);
    assert.deepEqual(await known(), MIRA);
    for (const [i, phase] of (['STOPPING', 'STOPPED'] as const).entries()) {
      await recordReport('naist', deploymentId, { ...FIRST, sequence: 2 + i, generation: 2, phase }, ports);
    }
    await startDeployment(LATER, deploymentId, ports);
    assert.deepEqual(await known(), LATER);
  });

  it('is in no row that an agent, an operator or the member is shown', async () => {
    const { ports, deploymentId } = await running(MIRA);
    assert.doesNotMatch(JSON.stringify(await ports.deployments.find(deploymentId)), /physics/);
  });
});
