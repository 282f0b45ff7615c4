/** What the API says reaches people complete, and harmless. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { sampleDeployment } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi, problem, type ReceivedRequest } from './edgeboot-process.ts';

const PAGE = 100;
const ALL: readonly Deployment[] = Array.from({ length: 230 }, () => sampleDeployment()).sort((a, b) =>
  a.deploymentId < b.deploymentId ? 1 : -1,
);

/** As the API pages: at most 100, newest first, `nextBefore` where there are more. */
function page({ operation }: ReceivedRequest) {
  const before = new URL(operation.replace(/^GET /, ''), 'http://x').searchParams.get('before');
  const rest = before === null ? ALL : ALL.filter(({ deploymentId }) => deploymentId < before);
  const deployments = rest.slice(0, PAGE);
  const last = deployments.at(-1);
  return json(200, { deployments, ...(rest.length > PAGE && last && { nextBefore: last.deploymentId }) });
}

for (const { limit, shown, requests, hint } of [
  { limit: undefined, shown: 100, requests: 1, hint: true },
  { limit: '5', shown: 5, requests: 1, hint: true },
  { limit: '150', shown: 150, requests: 2, hint: true },
  { limit: '230', shown: 230, requests: 3, hint: false },
  { limit: '1000', shown: 230, requests: 3, hint: false },
]) {
  test(`deployment list with limit ${limit ?? 'unset'} shows ${shown} of 230`, async () => {
    await using api = await playApi(page);
    const limited = limit === undefined ? [] : ['--limit', limit];
    const { exitCode, stdout, stderr } = await edgeboot(
      ['deployment', 'list', ...limited, '--output', 'json'],
      api.environment,
    );
    assert.equal(exitCode, 0, stderr);
    const ids = (JSON.parse(stdout) as Deployment[]).map(({ deploymentId }) => deploymentId);
    assert.deepEqual(
      ids,
      ALL.slice(0, shown).map(({ deploymentId }) => deploymentId),
    );
    assert.equal(api.requests.length, requests);
    assert.equal(/--limit/.test(stderr), hint);
  });
}

const HOSTILE = 'first\n\u001b[2Jsecond\u009b31m\r\nedgeboot: all is well';
/** Anything but printable text and line feeds. */
const CONTROL = /[^\P{Cc}\n]/u;

test("a failed deployment's texts are escaped, in the data and in the error", async () => {
  const deployment = sampleDeployment({
    phase: 'FAILED',
    failure: { code: 'BOOT_TIMEOUT', message: HOSTILE, remedy: HOSTILE },
  });
  const event = { ...deployment, sequence: 2, at: deployment.updatedAt, generation: 1, actor: 'agent:naist/x' };
  await using api = await playApi(({ operation }) =>
    operation.includes('/events') ? json(200, { events: [event] }) : json(200, { deployment }),
  );
  const args = ['deployment', 'show', deployment.deploymentId, '--watch'];
  const { exitCode, stdout, stderr } = await edgeboot(args, api.environment);
  assert.equal(exitCode, 75);
  for (const output of [stdout, stderr]) {
    assert.match(output, /second/);
    assert.doesNotMatch(output, CONTROL);
    assert.doesNotMatch(output, /^edgeboot: all is well/m);
  }
});

test("a problem's texts are escaped", async () => {
  await using api = await playApi(() => problem('NOT_FOUND', HOSTILE, HOSTILE));
  const { exitCode, stderr } = await edgeboot(['image', 'list'], api.environment);
  assert.equal(exitCode, 66);
  assert.doesNotMatch(stderr, CONTROL);
  assert.doesNotMatch(stderr, /^edgeboot: all is well/m);
});

test('JSON holds what the API sent, to the letter', async () => {
  const image = {
    imageId: '01JD0000000000000000000000',
    imageName: 'x',
    ownerId: HOSTILE,
    latestVersion: 1,
    createdAt: new Date(0).toISOString(),
  };
  await using api = await playApi(() => json(200, { images: [image] }));
  const { stdout } = await edgeboot(['image', 'list', '--output', 'json'], api.environment);
  assert.deepEqual(JSON.parse(stdout), [image]);
  const asText = await edgeboot(['image', 'list'], api.environment);
  assert.doesNotMatch(asText.stdout, CONTROL);
  assert.equal(asText.stdout.trimEnd().split('\n').length, 2);
});
