/** A cluster is turned off and on again by its member: what is recorded, told to the site, and refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '#shared/apply-report.ts';
import type { ErrorCode } from '#shared/errors.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { recallVersion } from '../../functions/manage-images/manage-versions.ts';
import { drainSite, setAccess } from '../../functions/operate-site/operate-site.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { startDeployment, stopDeployment } from '../../functions/steer-deployment/steer-deployment.ts';
import { ALICE, code, controlPlane, MALLORY, OSCAR, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

const NODES = [
  { name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1', publicAddress: '192.0.2.10' },
  { name: 'compute-0', role: 'compute' as const, privateAddress: '10.1.255.254' },
  { name: 'compute-1', role: 'compute' as const, privateAddress: '10.1.255.253' },
];
const NO_VETOES = { members: [], images: [] };
const grants = [{ groups: ['members'], images: 'all' as const, quota: {} }];

async function running() {
  const plane = await controlPlane();
  const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, plane.ports);
  const report = (phase: Report['phase'], generation: number, more: Partial<Report> = {}) =>
    recordReport('naist', deploymentId, nextReport({ phase, generation, ...more }), plane.ports);
  await report('FETCHING', 1);
  await report('RUNNING', 1, { nodes: NODES });
  plane.sent.length = plane.trail.length = 0;
  const stop = (member = ALICE) => stopDeployment(member, deploymentId, plane.ports);
  const start = (member = ALICE) => startDeployment(member, deploymentId, plane.ports);
  const row = async () => (await plane.ports.deployments.find(deploymentId)) ?? assert.fail();
  const isUnsettled = async () =>
    (await plane.ports.deployments.listUnsettled('2030-01-01T00:00:00.000Z', 10)).length === 1;
  return { ...plane, deploymentId, report, stop, start, row, isUnsettled };
}

describe('a cluster', () => {
  it('is stopped and started by new wishes: in history and trail, told to the site, settled when the agent says so', async () => {
    const { ports, sent, trail, deploymentId, report, stop, start, isUnsettled } = await running();
    const { sequence: seen } = (await ports.deployments.eventsAfter(deploymentId, 0)).at(-1) ?? assert.fail();
    assert.deepEqual((await stop()).desired, { power: 'off', computes: 2, cpusPerCompute: 1, generation: 2 });
    assert.equal(await isUnsettled(), true);
    await report('STOPPING', 2);
    await report('STOPPED', 2);
    assert.equal(await isUnsettled(), false);
    assert.deepEqual((await start()).desired, { power: 'on', computes: 2, cpusPerCompute: 1, generation: 3 });
    assert.equal(await isUnsettled(), true);
    await report('BOOTING', 3);
    await report('RUNNING', 3, { nodes: NODES });
    assert.equal(await isUnsettled(), false);
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, seen)).map((event) => [event.phase, event.generation]),
      [
        ['RUNNING', 2],
        ['STOPPING', 2],
        ['STOPPED', 2],
        ['STOPPED', 3],
        ['BOOTING', 3],
        ['RUNNING', 3],
      ],
    );
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation, message.grant]),
      [
        [deploymentId, 2, undefined],
        [deploymentId, 3, undefined],
      ],
    );
    assert.deepEqual(
      trail.map((record) => [record.sequence, record.action, record.reason]),
      [
        [3, 'deployment.stop', undefined],
        [4, 'deployment.report', 'STOPPED'],
        [5, 'deployment.start', undefined],
        [6, 'deployment.report', 'RUNNING'],
      ],
    );
  });

  it('that is so already is answered as it is; on the way there, the wish is announced again', async () => {
    const { sent, report, stop, start, row } = await running();
    assert.deepEqual(await start(), await row());
    assert.equal(sent.length, 0);
    await stop();
    assert.equal((await stop()).desired.generation, 2);
    assert.equal(sent.length, 2);
    await report('STOPPING', 2);
    await report('STOPPED', 2);
    assert.deepEqual(await stop(), await row());
    assert.equal(sent.length, 2);
  });

  it('whose start fails is off, keeps the reason until the next try, and may be started again', async () => {
    const { report, stop, start, row, isUnsettled } = await running();
    await stop();
    await report('STOPPING', 2);
    await report('STOPPED', 2);
    await start();
    await report('BOOTING', 3);
    const failure = { code: 'BOOT_TIMEOUT', message: 'not ready', remedy: 'Look at the console.' };
    const stopped = await report('STOPPED', 3, { failure });
    assert.deepEqual([stopped.phase, stopped.desired.power, stopped.failure], ['STOPPED', 'off', failure]);
    assert.equal(await isUnsettled(), false);
    assert.equal((await start()).desired.generation, 4);
    await report('BOOTING', 4);
    assert.equal((await row()).failure, undefined);
  });

  it('may be started while it stops, and stopped while it starts: what is reported for the earlier wish is refused', async () => {
    const { report, stop, start } = await running();
    await stop();
    await report('STOPPING', 2);
    await start();
    await assert.rejects(report('STOPPED', 2), code('SUPERSEDED'));
    await report('BOOTING', 3);
    await stop();
    await assert.rejects(report('RUNNING', 3), code('SUPERSEDED'));
    await report('STOPPING', 4);
    assert.equal((await report('STOPPED', 4)).phase, 'STOPPED');
  });

  it('fault 53: is nobody else’s to steer: to them there is no such deployment, on record', async () => {
    const { trail, stop, start } = await running();
    await assert.rejects(stop(MALLORY), code('NOT_FOUND'));
    await assert.rejects(start(MALLORY), code('NOT_FOUND'));
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      [
        ['member:mallory', 'deployment.stop', 'deny'],
        ['member:mallory', 'deployment.start', 'deny'],
      ],
    );
  });

  it('that has not run yet cannot be stopped, nor one steered that is to be destroyed or over', async () => {
    const { ports } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await assert.rejects(stopDeployment(ALICE, deploymentId, ports), { ...code('CONFLICT'), message: /not run yet/ });
    await destroyDeployment(ALICE, deploymentId, ports);
    for (const steer of [stopDeployment, startDeployment]) {
      await assert.rejects(steer(ALICE, deploymentId, ports), { ...code('CONFLICT'), message: /to be destroyed/ });
    }
    await recordReport('naist', deploymentId, nextReport({ phase: 'DESTROYING', generation: 2 }), ports);
    await recordReport('naist', deploymentId, nextReport({ phase: 'TERMINATED', generation: 2 }), ports);
    for (const steer of [stopDeployment, startDeployment]) {
      await assert.rejects(steer(ALICE, deploymentId, ports), { ...code('CONFLICT'), message: /TERMINATED/ });
    }
  });

  type Ports = Awaited<ReturnType<typeof controlPlane>>['ports'];
  const LOST: { code: ErrorCode; what: string; now: (ports: Ports) => Promise<unknown> }[] = [
    {
      ...{ code: 'FORBIDDEN', what: 'has no grant any more' },
      now: (ports) => setAccess(OSCAR, 'naist', { version: 1, grants: [], vetoes: NO_VETOES }, ports),
    },
    {
      ...{ code: 'VETOED', what: 'is refused now' },
      now: (ports) =>
        setAccess(OSCAR, 'naist', { version: 1, grants, vetoes: { members: ['alice'], images: [] } }, ports),
    },
    {
      ...{ code: 'IMAGE_RECALLED', what: 'has a recalled version' },
      now: (ports) => recallVersion(ALICE, { imageName: 'hpc-base', version: 1 }, 'broken', ports),
    },
    { code: 'SITE_DRAINING', what: 'is at a draining site', now: (ports) => drainSite(OSCAR, 'naist', ports) },
  ];
  for (const { code: refusal, what, now } of LOST) {
    it(`whose member ${what} is stopped, but not started: on record`, async () => {
      const { ports, trail, deploymentId, report, stop, start, row } = await running();
      await now(ports);
      await stop();
      await report('STOPPING', 2);
      await report('STOPPED', 2);
      const before = await row();
      trail.length = 0;
      await assert.rejects(start(), code(refusal));
      assert.deepEqual(
        trail.map((record) => [record.actor, record.action, record.decision, record.deploymentId]),
        [['member:alice', 'deployment.start', 'deny', deploymentId]],
      );
      assert.deepEqual(await row(), before);
    });
  }
});
