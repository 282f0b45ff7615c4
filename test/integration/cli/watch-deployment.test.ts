/** Who waits for a deployment asks no more than they have to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { sampleDeployment, sampleEvent } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi } from './edgeboot-process.ts';

test('progress alone is told without the history being read again', async () => {
  const accepted = sampleDeployment();
  const progress = (bytesFetched: number) => ({ bytesFetched, bytesTotal: 4, partsFetched: 0, partsTotal: 1 });
  const rows: Deployment[] = [
    { ...accepted, phase: 'FETCHING', version: 2 },
    { ...accepted, phase: 'FETCHING', version: 3, updatedAt: '2026-11-20T00:00:02.000Z', progress: progress(1) },
    { ...accepted, phase: 'FETCHING', version: 4, updatedAt: '2026-11-20T00:00:04.000Z', progress: progress(3) },
    { ...accepted, phase: 'RUNNING', version: 5 },
  ];
  const events = [accepted, rows[0], rows[3]].flatMap((row) => (row ? [sampleEvent(row)] : []));
  let looks = 0;
  await using api = await playApi(({ operation }) => {
    const after = /\/events\?after=(\d+)$/.exec(operation)?.[1];
    if (after === undefined) return json(200, { deployment: rows[looks++] });
    const seen = looks === rows.length ? events : events.slice(0, 2);
    return json(200, { events: seen.filter(({ sequence }) => sequence > Number(after)) });
  });
  const { exitCode, stderr } = await edgeboot(
    ['deployment', 'show', accepted.deploymentId, '--watch'],
    api.environment,
  );
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /ACCEPTED[^]*FETCHING[^]*1 B of 4 B[^]*3 B of 4 B[^]*RUNNING/);
  const own = `GET /v1/deployments/${accepted.deploymentId}`;
  const history = (after: number) => `${own}/events?after=${after}`;
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    [own, history(0), own, own, own, history(2)],
  );
});
