/** A batch of reports, at the control plane. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LogFields } from '#shared/log-fields.ts';
import { recordReports } from '../../functions/record-report/record-reports.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ALICE, controlPlane, wish } from '../helpers/control-plane.ts';
import { nextReport } from '../helpers/next-report.ts';

it('a fault of ours with one report is logged, tells nothing of its inside, and loses no other', async () => {
  const { ports, trail } = await controlPlane();
  const first = await requestDeployment(ALICE, wish(), undefined, ports);
  const broken = await requestDeployment(ALICE, wish(), undefined, ports);
  const { warmingId } = await warmImage(
    ALICE,
    { imageName: 'hpc-base', siteId: 'naist', keep: false },
    undefined,
    ports,
  );
  const find = ports.deployments.find.bind(ports.deployments);
  ports.deployments.find = (deploymentId) =>
    deploymentId === broken.deploymentId ? Promise.reject(new TypeError('what nobody should see')) : find(deploymentId);
  const errors: (LogFields | undefined)[] = [];
  const log = { ...ports.log, error: (_message: string, fields?: LogFields) => void errors.push(fields) };

  const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
  const claim = nextReport({ generation: 1, phase: 'FETCHING' });
  const end = nextReport({ generation: 1, phase: 'FAILED', failure });
  const reports = [
    { deploymentId: broken.deploymentId, report: claim },
    { deploymentId: first.deploymentId, report: claim },
    { warmingId, report: { phase: 'FAILED' as const, failure } },
    { deploymentId: first.deploymentId, report: end },
  ];
  const results = await recordReports('naist', reports, { ...ports, log });
  assert.deepEqual(
    results.map(({ refused, lastSequence }) => refused?.code ?? lastSequence),
    ['INTERNAL', claim.sequence, undefined, end.sequence],
  );
  assert.doesNotMatch(JSON.stringify(results), /nobody should see/);
  assert.deepEqual(
    errors.map((fields) => [fields?.deploymentId, /nobody should see/.test(fields?.reason ?? '')]),
    [[broken.deploymentId, true]],
  );
  assert.deepEqual(
    [(await find(first.deploymentId))?.phase, (await ports.warmings.find(warmingId))?.phase],
    ['FAILED', 'FAILED'],
  );

  const recorded = trail.length;
  const again = await recordReports('naist', reports.slice(1), ports);
  assert.deepEqual(
    again.map(({ lastSequence }) => lastSequence),
    [end.sequence, undefined, end.sequence],
  );
  assert.equal(trail.length, recorded, 'said again, it is not recorded again');
});
