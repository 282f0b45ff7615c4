/** `edgeboot image warm`, `image warming` and `image publish --warm`, at an API that a test plays. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { Warming } from '#shared/warming.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { makeSmallestDisk } from '../../helpers/smallest-disk.ts';
import { sampleImage, sampleImageVersion, sampleWarming } from '../../helpers/model-samples.ts';
import { type Answer, edgeboot, json, playApi, problem, type ReceivedRequest, STACK_LINE } from './edgeboot-process.ts';

const ACCEPTED = sampleWarming();
const FETCHING: Warming = {
  ...ACCEPTED,
  phase: 'FETCHING',
  progress: { bytesFetched: 1_000_000, bytesTotal: 60_000_000, partsFetched: 1, partsTotal: 10 },
};
const DONE: Warming = {
  ...ACCEPTED,
  phase: 'DONE',
  outcome: {
    ...{ bytesFetched: 60_000_000, partsFetched: 10, seconds: 1.5 },
    ...{ edgeLocations: ['NRT57-C1', 'SIN2-C1'], cacheHits: 3, cacheMisses: 7 },
  },
};
const FAILED: Warming = {
  ...ACCEPTED,
  phase: 'FAILED',
  failure: { code: 'PART_CORRUPT', message: 'it does not match', remedy: 'publish again' },
};
const shown = (warming: Warming, siteIsSilent = false): Answer => json(200, { warming, siteIsSilent });
const WARM = ['image', 'warm', 'hpc-base@2', '--site', 'naist'];

/** Answers in their order; the last one for ever. */
const inOrder =
  (...answers: readonly Answer[]) =>
  (_request: ReceivedRequest, count: number): Answer =>
    answers[Math.min(count, answers.length - 1)] ?? json(500, {});

test('warm asks once, however often it has to, and says how to go on', async () => {
  await using api = await playApi(inOrder(problem('SERVICE_UNAVAILABLE', 'one moment'), shown(ACCEPTED)));
  const { exitCode, stdout, stderr } = await edgeboot([...WARM, '--output', 'json'], api.environment);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), ACCEPTED);
  assert.ok(stderr.includes(`edgeboot image warming ${ACCEPTED.warmingId} --wait`), stderr);
  assert.deepEqual(
    api.requests.map(({ operation, body }) => [operation, JSON.parse(body) as unknown]),
    Array.from({ length: 2 }, () => [
      'POST /v1/warmings',
      { imageName: 'hpc-base', imageVersion: 2, siteId: 'naist', keep: false },
    ]),
  );
  assert.equal(new Set(api.requests.map(({ headers }) => headers['idempotency-key'])).size, 1);
});

test('warm --wait shows how far it is, over an outage, and ends with where it came from and how fast', async () => {
  const outage = problem('SERVICE_UNAVAILABLE', 'away');
  await using api = await playApi(inOrder(shown(ACCEPTED), shown(FETCHING), outage, shown(DONE)));
  const { exitCode, stdout, stderr } = await edgeboot([...WARM, '--wait'], api.environment);
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /FETCHING {2}1\.0 MB of 60\.0 MB, 1 of 10 parts/);
  assert.match(stdout, /^edges +NRT57-C1, SIN2-C1$/m);
  assert.match(stdout, /^cache +3 hits, 7 misses$/m);
  assert.match(stdout, /^fetched +60\.0 MB in 1\.50 s, 40\.0 MB\/s$/m);
});

test('warm --keep says so; of what was there already it says that nothing was fetched', async () => {
  const outcome = { bytesFetched: 0, partsFetched: 0, edgeLocations: [], cacheHits: 0, cacheMisses: 0, seconds: 0 };
  await using api = await playApi(inOrder(shown({ ...DONE, keep: true, outcome })));
  const { exitCode, stdout } = await edgeboot([...WARM, '--keep', '--wait'], api.environment);
  assert.equal(exitCode, 0);
  assert.equal((JSON.parse(api.requests[0]?.body ?? '{}') as { keep?: boolean }).keep, true);
  assert.match(stdout, /^site +naist, kept in its cache$/m);
  assert.match(stdout, /^fetched +nothing: all of it was at the site already$/m);
});

test('--wait ends with the failure, and its status', async () => {
  await using api = await playApi(inOrder(shown(FAILED)));
  for (const args of [
    [...WARM, '--wait'],
    ['image', 'warming', ACCEPTED.warmingId, '--wait'],
  ]) {
    const { exitCode, stdout, stderr } = await edgeboot(args, api.environment);
    assert.equal(exitCode, 65);
    assert.match(stdout, /^phase +FAILED$/m);
    assert.match(stderr, /^edgeboot: PART_CORRUPT: it does not match\n {2}publish again$/m);
  }
  const shownOnly = await edgeboot(['image', 'warming', ACCEPTED.warmingId], api.environment);
  assert.equal(shownOnly.exitCode, 0, 'only to show it is no failure');
});

test('at a site that is silent, warm says so, and --wait does not wait for ever', async () => {
  await using api = await playApi(inOrder(shown(ACCEPTED, true)));
  const asked = await edgeboot(WARM, api.environment);
  assert.equal(asked.exitCode, 0);
  assert.match(asked.stderr, /Nobody at naist has been heard lately/);
  const { exitCode, stdout, stderr } = await edgeboot([...WARM, '--wait'], api.environment);
  assert.equal(exitCode, 75);
  assert.equal(stdout, '');
  assert.match(stderr, /^edgeboot: SERVICE_UNAVAILABLE: nobody at naist has been heard lately$/m);
  assert.doesNotMatch(stderr, STACK_LINE);
});

test('what is over at a site that is silent is over', async () => {
  await using api = await playApi(inOrder(shown(DONE, true)));
  const { exitCode, stdout } = await edgeboot(['image', 'warming', ACCEPTED.warmingId, '--wait'], api.environment);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^phase +DONE$/m);
});

for (const { warm, refusedAt, exitCode, words } of [
  { warm: [], refusedAt: '', exitCode: 0, words: /edgeboot image warm hpc-base@1 --site SITE/ },
  { warm: ['--warm', 'naist,ucsd,naist'], refusedAt: '', exitCode: 0, words: /accepted as/ },
  {
    warm: ['--warm', 'ucsd,naist'],
    refusedAt: 'ucsd',
    exitCode: 77,
    words: /not warmed at ucsd: not yours[^]*^edgeboot: FORBIDDEN: not yours\n {2}hpc-base@1 is published\. ask/m,
  },
]) {
  test(`publish ${warm.join(' ')}${refusedAt && `, refused at ${refusedAt},`} prints the version, status ${exitCode}`, async () => {
    await using folder = await createTemporaryFolder();
    const disk = path.join(folder.path, 'disk.raw');
    await makeSmallestDisk(disk);
    const image = sampleImage();
    const version = sampleImageVersion(image);
    await using api = await playApi(({ operation, body }) => {
      if (operation === 'POST /v1/images') return json(200, { ...image, nextVersion: 1 });
      if (operation === 'GET /v1/trust') return json(200, { rootPublicKeyPem: 'x', certificate: 'x' });
      if (operation.endsWith('/versions')) return json(201, version);
      if (operation === 'POST /v1/warmings') {
        const { siteId } = JSON.parse(body) as { siteId: string };
        return siteId === refusedAt ? problem('FORBIDDEN', 'not yours', 'ask') : shown({ ...ACCEPTED, siteId });
      }
      const { objects } = JSON.parse(body) as { objects: { sha256: string }[] };
      return json(200, { uploads: objects.map(({ sha256 }) => ({ sha256 })) });
    });
    const args = ['image', 'publish', 'hpc-base', '--frontend', disk, ...warm];
    const published = await edgeboot(args, api.environment);
    assert.equal(published.exitCode, exitCode, published.stderr);
    assert.equal(published.stdout, 'hpc-base@1\n');
    assert.match(published.stderr, words);
    const wishes = api.requests.filter(({ operation }) => operation === 'POST /v1/warmings');
    assert.deepEqual(
      wishes.map(({ body }) => JSON.parse(body) as unknown),
      [...new Set(warm[1]?.split(','))].map((siteId) => ({
        ...{ imageName: 'hpc-base', imageVersion: 1, siteId, keep: false },
      })),
    );
  });
}
