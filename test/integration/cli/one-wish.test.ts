/** One wish makes one cluster, though its answer was lost: every try of `deployment create` carries the same Idempotency-Key. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { sampleDeployment, SSH_KEY } from '../../helpers/model-samples.ts';
import { type Answer, edgeboot, json, type PlayedApi, playApi, problem, STACK_LINE } from './edgeboot-process.ts';

const DEPLOYMENT = sampleDeployment();
const accepted = json(202, { deployment: DEPLOYMENT });
/** The wish may well have arrived. */
const cutOff: Answer = (response) => response.destroy();

async function createArguments({ environment }: PlayedApi): Promise<string[]> {
  const keyFile = path.join(environment['EDGEBOOT_CONFIG_DIRECTORY'] ?? '', 'id.pub');
  await writeFile(keyFile, `${SSH_KEY}\n`);
  return ['deployment', 'create', '--key', keyFile, 'hpc-base', '--site', 'naist', '--output', 'json'];
}

const keysOf = (api: PlayedApi): unknown[] => api.requests.map(({ headers }) => headers['idempotency-key']);

test('a wish without an answer is sent again, as the same wish', async () => {
  const answers = [problem('SERVICE_UNAVAILABLE', 'one moment'), cutOff, accepted];
  await using api = await playApi((_request, count) => answers[count] ?? accepted);
  const { exitCode, stdout, stderr } = await edgeboot(await createArguments(api), api.environment);
  assert.equal(exitCode, 0, stderr);
  assert.equal((JSON.parse(stdout) as Deployment).deploymentId, DEPLOYMENT.deploymentId);
  assert.match(stderr, /^one moment; asking again in [\d.]+ s$/m);
  assert.equal(api.requests.length, 3);
  assert.equal(new Set(keysOf(api)).size, 1);
  assert.equal(new Set(api.requests.map(({ body }) => body)).size, 1);
});

test('a site is registered once, though its answer was lost', async () => {
  const registered = json(201, { siteId: 'naist', enrollmentToken: 'enroll.naist.x' });
  await using api = await playApi((_request, count) => (count === 0 ? cutOff : registered));
  const { exitCode, stdout, stderr } = await edgeboot(['site', 'register', 'naist'], api.environment);
  assert.deepEqual([exitCode, stdout], [0, 'enroll.naist.x\n'], stderr);
  assert.equal(api.requests.length, 2);
  assert.deepEqual([new Set(keysOf(api)).size, typeof keysOf(api)[0]], [1, 'string']);
});

test('two wishes are two', async () => {
  await using api = await playApi(() => accepted);
  const args = await createArguments(api);
  for (const run of [1, 2]) assert.equal((await edgeboot(args, api.environment)).exitCode, 0, `run ${run}`);
  assert.equal(new Set(keysOf(api)).size, 2);
});

test('where it is not known whether the wish arrived, the error names the key', async () => {
  await using api = await playApi(() => problem('INTERNAL', 'a fault'));
  const { exitCode, stderr, stdout } = await edgeboot(await createArguments(api), api.environment);
  assert.equal(exitCode, 70);
  assert.equal(stdout, '');
  assert.equal(api.requests.length, 1);
  assert.ok(stderr.includes(`--idempotency-key ${String(keysOf(api)[0])}`), stderr);
  assert.doesNotMatch(stderr, STACK_LINE);
});
