import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deploymentListQuery, deploymentListResponse, type ShownDeployment } from '#shared/api/deployments.ts';
import type { Deployment } from '#shared/deployment.ts';
import { ulid } from 'ulid';
import { listDeployments } from '../../functions/read-deployments/list-deployments.ts';
import { ALICE, code, controlPlane, MALLORY } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';

const OLGA = { memberId: 'olga', groups: ['federation-operators'] };

/** ALICE's deployments, oldest first, of which `changesOf` says how each differs; and lists of them, as a request's query asks. */
async function federation(count: number, changesOf: (i: number) => Partial<Deployment> = () => ({})) {
  const { ports, trail } = await controlPlane();
  const all = Array.from({ length: count }, (_, i) =>
    sampleDeployment({ deploymentId: ulid((i + 1) * 1000), ...changesOf(i) }),
  );
  for (const one of all) await ports.deployments.create(one, sampleEvent(one), [], undefined);
  const list = async (query: Record<string, string> = {}, member = ALICE) =>
    deploymentListResponse.parse(await listDeployments(member, deploymentListQuery.parse(query), ports));
  /** Page after page. */
  const pages = async (query: Record<string, string>) => {
    const seen: ShownDeployment[][] = [];
    let next: string | undefined;
    do {
      const page = await list({ ...query, ...(next !== undefined && { next }) });
      seen.push(page.deployments);
      next = page.next;
    } while (next !== undefined);
    return seen;
  };
  return { ports, trail, all, list, pages };
}

const idsOf = (deployments: readonly ShownDeployment[]) => deployments.map(({ deploymentId }) => deploymentId);

describe('the list of deployments', () => {
  it('comes a hundred at a time where no limit is given, newest first, none twice and none left out', async () => {
    const { all, pages } = await federation(200);
    const seen = await pages({});
    assert.deepEqual(
      seen.map(({ length }) => length),
      [100, 100],
    );
    assert.deepEqual(idsOf(seen.flat()), idsOf(all).reverse());
  });

  it('with a limit has pages of that size, and no token behind the last one', async () => {
    const { all, pages } = await federation(7);
    for (const [limit, sizes] of [
      ['3', [3, 3, 1]],
      ['7', [7]],
      ['100', [7]],
    ] as const) {
      const seen = await pages({ limit });
      assert.deepEqual(
        seen.map(({ length }) => length),
        sizes,
      );
      assert.deepEqual(idsOf(seen.flat()), idsOf(all).reverse());
    }
  });

  it('has what every filter lets through', async () => {
    const { all, list } = await federation(40, (i) => ({
      siteId: i % 2 === 0 ? 'naist' : 'ucsd',
      imageName: i % 3 === 0 ? 'hpc-base' : 'other',
      imageVersion: (i % 4) + 1,
      phase: i % 5 === 0 ? 'RUNNING' : i % 5 === 1 ? 'FAILED' : 'FETCHING',
    }));
    const wanted = (filter: (one: Deployment) => boolean) => idsOf(all.filter(filter)).reverse();
    const asked = async (query: Record<string, string>) => idsOf((await list(query)).deployments);
    assert.deepEqual(
      await asked({ siteId: 'ucsd' }),
      wanted(({ siteId }) => siteId === 'ucsd'),
    );
    assert.deepEqual(
      await asked({ imageName: 'hpc-base', imageVersion: '2' }),
      wanted(({ imageName, imageVersion }) => imageName === 'hpc-base' && imageVersion === 2),
    );
    assert.deepEqual(
      await asked({ phase: 'RUNNING,FAILED' }),
      wanted(({ phase }) => phase !== 'FETCHING'),
    );
    assert.deepEqual(
      await asked({ phase: 'RUNNING', siteId: 'naist', imageName: 'other' }),
      wanted(({ phase, siteId, imageName }) => phase === 'RUNNING' && siteId === 'naist' && imageName === 'other'),
    );
    assert.deepEqual(await asked({ siteId: 'nowhere' }), []);
  });

  it('of what is rare goes through many rows, a bounded number for each page', async () => {
    const { all, pages, ports } = await federation(2500, (i) => ({ siteId: i % 1200 === 0 ? 'ucsd' : 'naist' }));
    const rare = idsOf(all.filter(({ siteId }) => siteId === 'ucsd')).reverse();
    for (const limit of ['1', '2', '100']) {
      const seen = await pages({ siteId: 'ucsd', limit });
      assert.deepEqual(idsOf(seen.flat()), rare);
      assert.ok(seen.every(({ length }) => length <= Number(limit)));
    }
    let rows = 0;
    const counting = {
      listByMember: async (...asked: Parameters<typeof ports.deployments.listByMember>) => {
        const found = await ports.deployments.listByMember(...asked);
        rows += found.length;
        return found;
      },
    };
    const deployments = Object.assign(Object.create(ports.deployments) as typeof ports.deployments, counting);
    const page = await listDeployments(ALICE, { siteId: 'nowhere' }, { ...ports, deployments });
    assert.deepEqual(page.deployments, []);
    assert.ok(page.next !== undefined && rows <= 2000, `${rows} rows`);
  });

  it('of another member is for operators alone, on record; what one sees of oneself is not', async () => {
    const { all, list, trail } = await federation(1);
    assert.deepEqual((await list({}, MALLORY)).deployments, []);
    assert.deepEqual(idsOf((await list({ memberId: 'alice' })).deployments), idsOf(all));
    assert.deepEqual(trail, []);
    for (const memberId of ['alice', 'nobody-at-all']) {
      await assert.rejects(list({ memberId }, MALLORY), {
        ...code('FORBIDDEN'),
        message: "only members of federation-operators may list another member's deployments",
      });
    }
    const seen = (await list({ memberId: 'alice' }, OLGA)).deployments;
    assert.deepEqual(
      seen,
      all.map((one) => ({ ...one, sshPublicKeys: undefined })),
    );
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      [
        ['member:mallory', 'deployment.read', 'deny'],
        ['member:mallory', 'deployment.read', 'deny'],
        ['member:olga', 'deployment.read', 'allow'],
      ],
    );
  });

  it('takes no token but its own, and no filter that it does not know', () => {
    for (const query of [
      { next: '?' },
      { next: Buffer.from('IMAGES').toString('base64url') },
      { limit: '0' },
      { limit: '101' },
      { limit: '1e2' },
      { phase: 'SLEEPING' },
      { phase: '' },
      { imageVersion: '0' },
      { memberId: 'a b' },
      { site: 'naist' },
    ]) {
      assert.equal(deploymentListQuery.safeParse(query).success, false, JSON.stringify(query));
    }
  });
});
