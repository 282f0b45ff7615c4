/** What the API says reaches people complete, and harmless. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '#shared/deployment.ts';
import { sampleDeployment } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi, problem, type ReceivedRequest } from './edgeboot-process.ts';

const ALL: readonly Deployment[] = Array.from({ length: 230 }, () => sampleDeployment()).sort((a, b) =>
  a.deploymentId < b.deploymentId ? 1 : -1,
);

/** Base64url, as the API's are. */
const tokenOf = (begin: number) => String(begin).padStart(4, '0');

/** As the API pages: as many as asked for, newest first, `next` where there are more. */
function page({ operation }: ReceivedRequest) {
  const asked = new URL(operation.replace(/^GET /, ''), 'http://x').searchParams;
  const [begin, limit] = [Number(asked.get('next') ?? 0), Number(asked.get('limit'))];
  assert.ok(limit >= 1 && limit <= 100);
  const deployments = ALL.slice(begin, begin + limit);
  return json(200, { deployments, ...(begin + limit < ALL.length && { next: tokenOf(begin + limit) }) });
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
    assert.equal(new RegExp(`--next ${tokenOf(shown)}\\b`).test(stderr), hint);
  });
}

test('deployment list sends its filters with every page, and begins where it is told', async () => {
  await using api = await playApi(page);
  const filters = ['--site', 'naist', '--image', 'hpc-base@3', '--phase', 'running,failed', '--member', 'bob'];
  const args = ['deployment', 'list', ...filters, '--limit', '120', '--next', tokenOf(50), '--output', 'json'];
  const { exitCode, stdout, stderr } = await edgeboot(args, api.environment);
  assert.equal(exitCode, 0, stderr);
  assert.equal((JSON.parse(stdout) as Deployment[])[0]?.deploymentId, ALL[50]?.deploymentId);
  const named = 'siteId=naist&imageName=hpc-base&imageVersion=3&phase=RUNNING%2CFAILED&memberId=bob';
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    [`${named}&limit=100&next=0050`, `${named}&limit=20&next=0150`].map((query) => `GET /v1/deployments?${query}`),
  );
});

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
