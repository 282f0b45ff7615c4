/** Who waits for a deployment asks no more than they have to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyReport } from '#shared/apply-report.ts';
import type { Deployment } from '#shared/deployment.ts';
import { sampleDeployment, sampleEvent } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi } from './edgeboot-process.ts';

test('progress alone is told without the history being read again', async () => {
  const accepted = sampleDeployment();
  const progress = (bytesFetched: number) => ({ bytesFetched, bytesTotal: 4, partsFetched: 0, partsTotal: 1 });
  const said = [
    { phase: 'FETCHING' },
    { phase: 'FETCHING', progress: progress(1) },
    { phase: 'FETCHING', progress: progress(3) },
    { phase: 'RUNNING' },
  ] as const;
  const rows: Deployment[] = [];
  for (const [i, one] of said.entries()) {
    const report = { sequence: i, generation: 1, agentId: 'a', ...one };
    rows.push(applyReport(rows.at(-1) ?? accepted, report, `2026-11-24T00:00:0${i}.000Z`).row);
  }
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
