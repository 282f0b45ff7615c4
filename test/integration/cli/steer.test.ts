/** `edgeboot deployment stop` and `start`, at an API that a test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleDeployment } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi, problem } from './edgeboot-process.ts';

const RUNNING = sampleDeployment({ phase: 'RUNNING' });
const { deploymentId } = RUNNING;
const [ON, OFF] = [
  { power: 'on', computes: 2, cpusPerCompute: 1, generation: 3 },
  { power: 'off', computes: 2, cpusPerCompute: 1, generation: 2 },
] as const;
const FAILURE = { code: 'BOOT_TIMEOUT', message: 'not ready within 300 s', remedy: 'Look at the console.' };

for (const [verb, accepted, phase] of [
  ['stop', { ...RUNNING, desired: OFF }, 'RUNNING (to be stopped)'],
  ['start', { ...RUNNING, phase: 'STOPPED', desired: ON }, 'STOPPED (to be started)'],
] as const) {
  test(`${verb} asks for it, and shows what is to come`, async () => {
    await using api = await playApi(() => json(202, { deployment: accepted }));
    const { stdout } = await edgeboot(['deployment', verb, deploymentId], api.environment);
    assert.ok(stdout.includes(`${phase}\n`), stdout);
    assert.deepEqual(
      api.requests.map(({ operation }) => operation),
      [`POST /v1/deployments/${deploymentId}/${verb}`],
    );
  });
}

test('stop --wait tells the history, and ends when the cluster is off', async () => {
  const at = '2026-11-24T09:00:00.000Z';
  const events = ['STOPPING', 'STOPPED'].map((phase, i) => ({
    ...{ deploymentId, sequence: 4 + i, at, phase, generation: 2, actor: 'agent:naist/a' },
  }));
  await using api = await playApi(({ operation }) => {
    if (operation.startsWith('POST')) return json(202, { deployment: { ...RUNNING, desired: OFF } });
    if (operation.includes('events')) return json(200, { events });
    return json(200, { deployment: { ...RUNNING, desired: OFF, phase: 'STOPPED', version: 5 } });
  });
  const { exitCode, stdout, stderr } = await edgeboot(['deployment', 'stop', deploymentId, '--wait'], api.environment);
  assert.equal(exitCode, 0);
  assert.match(stderr, /STOPPING\n.*STOPPED\n/);
  assert.match(stdout, /^phase +STOPPED$/m);
});

test('start --wait that ends off again fails with the agent’s own words', async () => {
  await using api = await playApi(({ operation }) => {
    if (operation.startsWith('POST')) return json(202, { deployment: { ...RUNNING, phase: 'STOPPED', desired: ON } });
    if (operation.includes('events')) return json(200, { events: [] });
    const off = { ...RUNNING, phase: 'STOPPED', desired: { ...ON, power: 'off' }, failure: FAILURE, version: 5 };
    return json(200, { deployment: off });
  });
  const { exitCode, stdout, stderr } = await edgeboot(['deployment', 'start', deploymentId, '--wait'], api.environment);
  assert.notEqual(exitCode, 0);
  assert.match(stdout, /BOOT_TIMEOUT: not ready within 300 s/);
  assert.match(stderr, /^edgeboot: BOOT_TIMEOUT: not ready within 300 s$/m);
});

test('what is refused ends with its code', async () => {
  await using api = await playApi(() => problem('CONFLICT', 'it is FETCHING, and has not run yet', 'Wait.'));
  const { exitCode, stderr } = await edgeboot(['deployment', 'stop', deploymentId], api.environment);
  assert.equal(exitCode, 75);
  assert.match(stderr, /^edgeboot: CONFLICT: it is FETCHING, and has not run yet\n {2}Wait\.$/m);
});

test('an id that is none is wrong usage', async () => {
  await using api = await playApi(() => json(202, { deployment: RUNNING }));
  for (const verb of ['stop', 'start']) {
    assert.equal((await edgeboot(['deployment', verb, 'x'], api.environment)).exitCode, 64);
  }
  assert.equal(api.requests.length, 0);
});
