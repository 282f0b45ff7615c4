/** A cluster whose time is over is stopped, kept for a day, and destroyed after that; in each stage it may be given more time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '#shared/apply-report.ts';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { extendDeployment } from '../../functions/extend-deployment/extend-deployment.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { startDeployment, stopDeployment } from '../../functions/steer-deployment/steer-deployment.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { ALICE, code, controlPlane, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

const HOUR_MS = 3_600_000;
const NODES = [
  { name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' },
  { name: 'compute-0', role: 'compute' as const, privateAddress: '10.1.1.2' },
];
/** It is asked for at 9:00, for an hour. */
const ENDS_AT = '2026-11-23T10:00:00.000Z';
const DESTROY_AT = '2026-11-24T10:00:00.000Z';

/** Its time is over; the sweep has not come yet. */
async function overdue() {
  const plane = await controlPlane();
  const { ports } = plane;
  const { deploymentId } = await requestDeployment(ALICE, wish({ hours: 1, computes: 1 }), undefined, ports);
  const report = (phase: Report['phase'], generation: number, more: Partial<Report> = {}) =>
    recordReport('naist', deploymentId, nextReport({ phase, generation, ...more }), ports);
  await report('FETCHING', 1);
  await report('RUNNING', 1, { nodes: NODES });
  plane.pass(HOUR_MS);
  plane.sent.length = plane.trail.length = 0;
  const row = async () => (await ports.deployments.find(deploymentId)) ?? assert.fail();
  const { sequence: seen } = (await ports.deployments.eventsAfter(deploymentId, 0)).at(-1) ?? assert.fail();
  const sweepOnce = async () => {
    const { warned, stopped, destroyed } = await sweep(ports);
    return { warned, stopped, destroyed };
  };
  return { ...plane, deploymentId, report, row, seen, sweepOnce };
}

async function stopped() {
  const plane = await overdue();
  await plane.sweepOnce();
  await plane.report('STOPPING', 2);
  await plane.report('STOPPED', 2);
  plane.sent.length = plane.trail.length = 0;
  return plane;
}

const NOTHING = { warned: 0, stopped: 0, destroyed: 0 };

describe('a cluster whose time is over', () => {
  it('is stopped once: in its history, on record, told to the site; a late warning is left out', async () => {
    const { ports, deploymentId, row, seen, sent, trail, sweepOnce } = await overdue();
    assert.deepEqual(await sweepOnce(), { ...NOTHING, stopped: 1 });
    assert.deepEqual(await sweepOnce(), NOTHING);
    const { desired, endsAt, endWarningAt, destroyAt } = await row();
    assert.deepEqual([desired.power, desired.generation], ['off', 2]);
    assert.deepEqual([endsAt, endWarningAt, destroyAt], [ENDS_AT, undefined, DESTROY_AT]);
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, seen)).map((event) => [event.actor, event.destroyAt]),
      [['sweep', DESTROY_AT]],
    );
    assert.deepEqual(
      trail.map(({ actor, action, decision, sequence, reason }) => [actor, action, decision, sequence, reason]),
      [['sweep', 'deployment.stop', 'allow', 3, `its time was over at ${ENDS_AT}; it is destroyed at ${DESTROY_AT}`]],
    );
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation]),
      [[deploymentId, 2]],
    );
  });

  it('is destroyed a day later, once, and keeps its share of the quota until it is gone', async () => {
    const { ports, row, report, sent, trail, pass, sweepOnce } = await stopped();
    const usage = () => ports.deployments.usage('alice', 'naist');
    pass(24 * HOUR_MS - 1);
    assert.deepEqual(await sweepOnce(), NOTHING);
    pass(1);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, destroyed: 1 });
    assert.deepEqual(await sweepOnce(), NOTHING);
    assert.deepEqual((await row()).desired, { power: 'destroyed', computes: 1, cpusPerCompute: 1, generation: 3 });
    assert.deepEqual(
      trail.map(({ actor, action, sequence, reason }) => [actor, action, sequence, reason]),
      [['sweep', 'deployment.destroy', 5, `its time was over at ${ENDS_AT}`]],
    );
    assert.equal(sent.length, 1);
    assert.deepEqual(await usage(), { cpus: 1, clusters: 1 });
    await report('DESTROYING', 3);
    await report('TERMINATED', 3);
    assert.deepEqual(await usage(), { cpus: 0, clusters: 0 });
  });

  it('has its whole day from when it is stopped, however late the sweep comes, and whether its agent is there or not', async () => {
    const { row, pass, sweepOnce } = await overdue();
    pass(48 * HOUR_MS);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, stopped: 1 });
    assert.equal((await row()).destroyAt, '2026-11-26T10:00:00.000Z');
    pass(24 * HOUR_MS);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, destroyed: 1 });
  });

  it('and that its member has turned off before stays off: nothing is told to the site, and the day begins', async () => {
    const { ports, deploymentId, row, report, sent, trail, pass, sweepOnce } = await overdue();
    await stopDeployment(ALICE, deploymentId, ports);
    await report('STOPPING', 2);
    const { version } = await report('STOPPED', 2);
    sent.length = trail.length = 0;
    assert.deepEqual(await sweepOnce(), { ...NOTHING, stopped: 1 });
    assert.deepEqual(await sweepOnce(), NOTHING);
    const { desired, destroyAt } = await row();
    assert.deepEqual([desired.power, desired.generation, destroyAt], ['off', 2, DESTROY_AT]);
    assert.equal(sent.length, 0);
    assert.deepEqual(
      trail.map(({ action, sequence }) => [action, sequence]),
      [['deployment.warn', 5]],
    );
    assert.deepEqual(
      (await ports.deployments.eventsAfter(deploymentId, version)).map((event) => [event.phase, event.destroyAt]),
      [['STOPPED', DESTROY_AT]],
    );
    pass(24 * HOUR_MS);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, destroyed: 1 });
  });

  it('cannot be started, before the sweep has come and after it; it is said how it can', async () => {
    const { ports, deploymentId, row, sweepOnce } = await overdue();
    const start = () => startDeployment(ALICE, deploymentId, ports);
    const refused = {
      ...code('CONFLICT'),
      message: `its time was over at ${ENDS_AT}: it cannot be started`,
      remedy: `Give it more time first: edgeboot deployment extend ${deploymentId} --hours N.`,
    };
    await assert.rejects(start(), refused);
    await sweepOnce();
    const before = await row();
    await assert.rejects(start(), refused);
    assert.deepEqual(await row(), before);
  });

  it('is given more time while it is off, and then started; the stages begin anew', async () => {
    const { ports, deploymentId, row, pass, sweepOnce } = await stopped();
    pass(23 * HOUR_MS);
    const extended = await extendDeployment(ALICE, deploymentId, 4, ports);
    assert.deepEqual([extended.endsAt, extended.destroyAt], ['2026-11-24T13:00:00.000Z', undefined]);
    assert.deepEqual(extended.desired, { power: 'off', computes: 1, cpusPerCompute: 1, generation: 2 });
    pass(HOUR_MS);
    assert.deepEqual(await sweepOnce(), NOTHING);
    assert.deepEqual((await startDeployment(ALICE, deploymentId, ports)).desired.power, 'on');
    pass(2 * HOUR_MS);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, warned: 1 });
    pass(HOUR_MS);
    assert.deepEqual(await sweepOnce(), { ...NOTHING, stopped: 1 });
    assert.deepEqual([(await row()).desired.generation, (await row()).destroyAt], [4, '2026-11-25T13:00:00.000Z']);
  });

  it('that its member destroys in its last day is wished gone once', async () => {
    const { ports, deploymentId, pass, sweepOnce } = await stopped();
    await destroyDeployment(ALICE, deploymentId, ports);
    await assert.rejects(extendDeployment(ALICE, deploymentId, 4, ports), code('CONFLICT'));
    pass(25 * HOUR_MS);
    assert.deepEqual(await sweepOnce(), NOTHING);
  });

  for (const [stage, hours, reached] of [
    ['stopped', 0, overdue],
    ['destroyed', 24, stopped],
  ] as const) {
    it(`is not ${stage} where its member has just given it more time: the sweep gives way, and looks again`, async () => {
      const { ports, deploymentId, row, pass, sweepOnce } = await reached();
      pass(hours * HOUR_MS);
      const { deployments } = ports;
      const find = deployments.find.bind(deployments);
      deployments.find = async (id) => {
        const seen = await find(id);
        deployments.find = find;
        await extendDeployment(ALICE, deploymentId, 4, ports);
        return seen;
      };
      assert.deepEqual(await sweepOnce(), NOTHING);
      const { desired, destroyAt } = await row();
      assert.notEqual(desired.power, 'destroyed');
      assert.equal(destroyAt, undefined);
      assert.deepEqual(await sweepOnce(), NOTHING);
    });
  }

  it('is tended by the next sweep where one was cut off, before its step or after', async () => {
    const { ports, pass, sent, broken, sweepOnce } = await overdue();
    broken.queue = broken.trail = true;
    assert.deepEqual(await sweepOnce(), { ...NOTHING, stopped: 1 });
    assert.equal(sent.length, 0);
    broken.queue = broken.trail = false;
    pass(60_000);
    assert.equal((await sweep(ports)).delivered, 2);
    assert.equal(sent.length, 1);
  });
});
