/** `edgeboot deployment extend`, and what is said of ends, at an API that a test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleDeployment } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi, problem } from './edgeboot-process.ts';

const ENDS_AT = '2026-11-24T09:00:00.000Z';
const DESTROY_AT = '2026-11-25T09:00:00.000Z';
const DEPLOYMENT = sampleDeployment({ phase: 'RUNNING', endsAt: ENDS_AT, nodes: [] });
/** Its time is over. */
const OVER = {
  ...{ ...DEPLOYMENT, phase: 'STOPPED' as const, destroyAt: DESTROY_AT },
  desired: { ...DEPLOYMENT.desired, power: 'off' as const, generation: 2 },
};
const { deploymentId } = DEPLOYMENT;

test('asks for hours from now, and shows the end', async () => {
  await using api = await playApi(() => json(200, { deployment: DEPLOYMENT }));
  const { stdout } = await edgeboot(['deployment', 'extend', deploymentId, '--hours', '24'], api.environment);
  assert.match(stdout, /^ends +2026-11-24T09:00:00\.000Z: it is stopped then, and destroyed 24 hours later$/m);
  assert.deepEqual(
    api.requests.map(({ operation, body }) => [operation, JSON.parse(body) as unknown]),
    [[`POST /v1/deployments/${deploymentId}/extend`, { hours: 24 }]],
  );
});

test('what the quota refuses ends with 75, and says what to do', async () => {
  await using api = await playApi(() => problem('QUOTA_EXCEEDED', 'may live 8 hours, not 24', 'Ask for fewer.'));
  const { exitCode, stderr } = await edgeboot(['deployment', 'extend', deploymentId, '--hours', '24'], api.environment);
  assert.equal(exitCode, 75);
  assert.match(stderr, /^edgeboot: QUOTA_EXCEEDED: may live 8 hours, not 24\n {2}Ask for fewer\.$/m);
});

for (const args of [
  [deploymentId],
  [deploymentId, '--hours', '0'],
  [deploymentId, '--hours', '1.5'],
  ['x', '--hours', '1'],
]) {
  test(`extend ${args.slice(1).join(' ')} of ${args[0] === 'x' ? 'x' : 'an id'} is wrong usage`, async () => {
    await using api = await playApi(() => json(200, { deployment: DEPLOYMENT }));
    assert.equal((await edgeboot(['deployment', 'extend', ...args], api.environment)).exitCode, 64);
    assert.equal(api.requests.length, 0);
  });
}

test('who watches is told of the end', async () => {
  const event = { deploymentId, sequence: 4, phase: 'RUNNING', generation: 1, actor: 'sweep', endsAt: ENDS_AT };
  await using api = await playApi(({ operation }) =>
    json(200, operation.includes('events') ? { events: [{ ...event, at: ENDS_AT }] } : { deployment: DEPLOYMENT }),
  );
  const { stderr } = await edgeboot(['deployment', 'show', deploymentId, '--watch'], api.environment);
  assert.match(stderr, /^2026-11-24T09:00:00\.000Z {2}RUNNING {2}ends 2026-11-24T09:00:00\.000Z$/m);
});

test('of one that is off, it is said how to start it', async () => {
  const extended = { ...OVER, endsAt: DESTROY_AT, destroyAt: undefined };
  await using api = await playApi(() => json(200, { deployment: extended }));
  const { stderr } = await edgeboot(['deployment', 'extend', deploymentId, '--hours', '24'], api.environment);
  assert.equal(stderr, `It is off. To have it run: edgeboot deployment start ${deploymentId}\n`);
});

test('whose time is over is shown with the moment when it is destroyed, and what keeps it', async () => {
  await using api = await playApi(({ operation }) =>
    json(200, operation.endsWith(deploymentId) ? { deployment: OVER } : { deployments: [OVER, DEPLOYMENT] }),
  );
  const shown = await edgeboot(['deployment', 'show', deploymentId], api.environment);
  assert.match(shown.stdout, /^ended +2026-11-24T09:00:00\.000Z: its time is over, and it may not run$/m);
  const keep = `edgeboot deployment extend ${deploymentId} --hours N`;
  assert.match(
    shown.stdout,
    new RegExp(`^destroyed +2026-11-25T09:00:00\\.000Z, with its disks. To keep it: ${keep}$`, 'm'),
  );
  const { stdout } = await edgeboot(['deployment', 'list'], api.environment);
  const ends = stdout.split('\n').map((line) => line.split(/ {2,}/).at(-1));
  assert.deepEqual(ends.slice(0, 3), ['ENDS', 'over, destroyed 2026-11-25T09:00:00.000Z', ENDS_AT]);
});

test('who watches one whose time is over is told when it is destroyed', async () => {
  const event = { deploymentId, sequence: 4, phase: 'RUNNING', generation: 2, actor: 'sweep', destroyAt: DESTROY_AT };
  await using api = await playApi(({ operation }) =>
    json(200, operation.includes('events') ? { events: [{ ...event, at: ENDS_AT }] } : { deployment: OVER }),
  );
  const { stderr } = await edgeboot(['deployment', 'show', deploymentId, '--watch'], api.environment);
  const told = 'its time is over; destroyed 2026-11-25T09:00:00.000Z unless it is extended';
  assert.equal(stderr, `2026-11-24T09:00:00.000Z  RUNNING  ${told}\n`);
});
