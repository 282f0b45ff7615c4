/** A member gives their cluster more computes, or fewer: what is recorded, counted, told to the site, and refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '#shared/apply-report.ts';
import type { DeployedNode } from '#shared/deployment.ts';
import type { ErrorCode } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { recallVersion } from '../../functions/manage-images/manage-versions.ts';
import { drainSite, setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { scaleDeployment } from '../../functions/steer-deployment/scale-deployment.ts';
import { stopDeployment } from '../../functions/steer-deployment/steer-deployment.ts';
import { ALICE, code, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

const NO_VETOES = { members: [], images: [] };
const grants = (quota: Quota = {}) => [{ groups: ['members'], images: 'all' as const, quota }];

/** A frontend and so many computes. */
const nodes = (computes: number): DeployedNode[] => [
  { name: 'frontend', role: 'frontend', privateAddress: '10.1.1.1', publicAddress: '192.0.2.10' },
  ...Array.from({ length: computes }, (_, i) => ({
    ...{ name: `compute-${i}`, role: 'compute' as const, privateAddress: `10.1.255.${254 - i}` },
  })),
];

/** It has 2 computes of 4 CPUs. */
async function running(quota?: Quota) {
  const plane = await controlPlane();
  if (quota) await setAccess(OSCAR, 'naist', { version: 1, grants: grants(quota), vetoes: NO_VETOES }, plane.ports);
  const { deploymentId } = await requestDeployment(ALICE, wish({ computes: 2, cpus: 8 }), undefined, plane.ports);
  const report = (phase: Report['phase'], generation: number, more: Partial<Report> = {}) =>
    recordReport('naist', deploymentId, nextReport({ phase, generation, ...more }), plane.ports);
  await report('FETCHING', 1);
  await report('RUNNING', 1, { nodes: nodes(2) });
  plane.sent.length = plane.trail.length = 0;
  const scale = (computes: number, member = ALICE) => scaleDeployment(member, deploymentId, computes, plane.ports);
  const row = async () => (await plane.ports.deployments.find(deploymentId)) ?? assert.fail();
  const cpus = async () => (await plane.ports.deployments.usage('alice', 'naist')).cpus;
  const isUnsettled = async () =>
    (await plane.ports.deployments.listUnsettled('2030-01-01T00:00:00.000Z', 10)).length === 1;
  return { ...plane, deploymentId, report, scale, row, cpus, isUnsettled };
}

describe('a cluster that runs', () => {
  it('gets more computes by a new wish: its CPUs are taken at once, and it is settled when the agent says so', async () => {
    const { ports, sent, trail, deploymentId, report, scale, row, cpus, isUnsettled } = await running();
    assert.equal(await cpus(), 8);
    assert.deepEqual((await scale(3)).desired, { power: 'on', computes: 3, cpusPerCompute: 4, generation: 2 });
    assert.deepEqual([await cpus(), await isUnsettled()], [12, true]);
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation]),
      [[deploymentId, 2]],
    );
    await report('SCALING', 2);
    assert.equal(await isUnsettled(), true);
    await report('RUNNING', 2, { nodes: nodes(3) });
    assert.deepEqual([await cpus(), await isUnsettled(), (await row()).nodes?.length], [12, false, 4]);
    const events = await ports.deployments.eventsAfter(deploymentId, 3);
    assert.deepEqual(
      events.map(({ phase, generation, actor }) => [phase, generation, actor]),
      [
        ['RUNNING', 2, 'member:alice'],
        ['SCALING', 2, 'agent:naist/a'],
        ['RUNNING', 2, 'agent:naist/a'],
      ],
    );
    assert.deepEqual(
      trail.map(({ action, decision, reason, sequence }) => [action, decision, reason, sequence]),
      [
        ['deployment.scale', 'allow', 'from 2 to 3 computes', 3],
        ['deployment.report', 'allow', 'RUNNING', 4],
      ],
    );
  });

  it('gives CPUs back when the computes are gone, not when it is wished; what is wished back then adds nothing', async () => {
    const { report, scale, cpus } = await running({ maxCpus: 8 });
    assert.equal((await scale(0)).desired.computes, 0);
    assert.equal(await cpus(), 8);
    assert.equal((await scale(1)).desired.generation, 3);
    await report('SCALING', 3);
    await report('RUNNING', 3, { nodes: nodes(1) });
    assert.equal(await cpus(), 4);
  });

  it('that could not be given more is as it was, says why, and gives back what it had taken', async () => {
    const { report, scale, row, cpus, isUnsettled } = await running();
    await scale(9);
    await report('SCALING', 2);
    const failure = { code: 'NO_CAPACITY', message: 'the site is full', remedy: 'wait' };
    await report('RUNNING', 2, { nodes: nodes(2), failure });
    const { desired, failure: said } = await row();
    assert.deepEqual([desired.computes, said?.code, await cpus(), await isUnsettled()], [2, 'NO_CAPACITY', 8, false]);
    assert.equal((await scale(3)).desired.generation, 3, 'it may be wished again');
  });

  it('that has as many is answered as it is; on the way there, the wish is announced again', async () => {
    const { sent, scale, row } = await running();
    assert.deepEqual(await scale(2), await row());
    assert.equal(sent.length, 0);
    await scale(3);
    assert.equal((await scale(3)).desired.generation, 2);
    assert.equal(sent.length, 2);
  });

  it('gets no more than the quota has room for, on record; fewer are always allowed', async () => {
    const { trail, scale, cpus } = await running({ maxCpus: 11 });
    const message = 'alice has 1 clusters and 8 of 11 CPUs at naist; 4 more CPUs are wanted';
    await assert.rejects(scale(3), { ...code('QUOTA_EXCEEDED'), message });
    assert.deepEqual(
      trail.map(({ action, decision, deploymentId }) => [action, decision, deploymentId !== undefined]),
      [['deployment.scale', 'deny', true]],
    );
    assert.equal(await cpus(), 8);
    assert.equal((await scale(1)).desired.computes, 1);
  });

  it('gets more under the rules for new ones alone', async () => {
    const refusals: [ErrorCode, (plane: Awaited<ReturnType<typeof running>>) => Promise<unknown>][] = [
      ['FORBIDDEN', ({ ports }) => setAccess(OSCAR, 'naist', { version: 1, grants: [], vetoes: NO_VETOES }, ports)],
      [
        'VETOED',
        ({ ports }) =>
          setAccess(
            OSCAR,
            'naist',
            { version: 1, grants: grants(), vetoes: { members: ['alice'], images: [] } },
            ports,
          ),
      ],
      ['SITE_DRAINING', ({ ports }) => drainSite(OSCAR, 'naist', ports)],
      ['IMAGE_RECALLED', ({ ports }) => recallVersion(ALICE, { imageName: 'hpc-base', version: 1 }, 'broken', ports)],
    ];
    for (const [refusal, arrange] of refusals) {
      const plane = await running();
      await arrange(plane);
      plane.trail.length = 0;
      await assert.rejects(plane.scale(3), code(refusal), refusal);
      assert.deepEqual(
        plane.trail.map(({ decision }) => decision),
        ['deny'],
        refusal,
      );
      assert.equal((await plane.scale(1)).desired.computes, 1, refusal);
    }
  });

  it('is scaled by its member alone, and while it is wished on', async () => {
    const { ports, deploymentId, report, scale } = await running();
    await assert.rejects(scale(1, MALLORY), code('NOT_FOUND'));
    await stopDeployment(ALICE, deploymentId, ports);
    await assert.rejects(scale(1), code('CONFLICT'));
    await report('STOPPING', 2);
    await report('STOPPED', 2);
    await assert.rejects(scale(3), code('CONFLICT'));
    await destroyDeployment(ALICE, deploymentId, ports);
    await assert.rejects(scale(3), code('CONFLICT'));
  });
});

describe('a cluster that has not run yet', () => {
  it('is not scaled', async () => {
    const { ports } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await assert.rejects(scaleDeployment(ALICE, deploymentId, 3, ports), code('CONFLICT'));
  });
});

describe('further interfaces', () => {
  it('are in the row once for each network, for the site to find', async () => {
    const { ports } = await controlPlane();
    const asked = wish({ extraInterfaces: ['storage', 'lan', 'storage'] });
    const { extraInterfaces } = await requestDeployment(ALICE, asked, undefined, ports);
    assert.deepEqual(extraInterfaces, ['storage', 'lan']);
  });
});

describe('CPUs', () => {
  it('asked for in all are shared by the computes evenly; one takes them where no number is given', async () => {
    const { ports } = await controlPlane();
    const shapes: [object, [number, number]][] = [
      [{ computes: 3 }, [3, 1]],
      [{ computes: 3, cpus: 6 }, [3, 2]],
      [{ computes: undefined, cpus: 6 }, [1, 6]],
      [{ computes: undefined, cpus: 0 }, [0, 1]],
      [{ computes: undefined }, [0, 1]],
    ];
    for (const [asked, [computes, cpusPerCompute]] of shapes) {
      const { desired } = await requestDeployment(ALICE, wish(asked), undefined, ports);
      assert.deepEqual([desired.computes, desired.cpusPerCompute], [computes, cpusPerCompute], JSON.stringify(asked));
    }
    for (const asked of [
      { computes: 2, cpus: 3 },
      { computes: 2, cpus: 0 },
      { computes: 0, cpus: 2 },
    ]) {
      await assert.rejects(requestDeployment(ALICE, wish(asked), undefined, ports), code('INVALID_REQUEST'));
    }
  });
});
