/** `edgeboot usage` at an API that a test plays: pages are put together, summed up and priced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_KINDS } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { edgeboot, json, playApi } from './edgeboot-process.ts';

const imageId = ulid();
const row = (memberId: string, bytesFetched: number) => ({
  ...{ memberId, siteId: 'naist', imageId, imageName: 'hpc-base' },
  ...{ clusters: 2, warmings: 1, bytesFetched, clusterSeconds: 5400, nodeSeconds: 10_800 },
});

test('all pages are summed up, for people and for programs', async () => {
  const play = () =>
    playApi(({ operation }) =>
      operation.includes('next=')
        ? json(200, { month: '2026-11', usage: [row('bob', 5e9)] })
        : json(200, { month: '2026-11', usage: [row('alice', 1e9)], next: 'aGVyZQ' }),
    );
  await using api = await play();
  const args = ['usage', '--everybody', '--month', '2026-11', '--by', 'member', '--gb-price', '0.1'];
  const { exitCode, stdout, stderr } = await edgeboot(args, api.environment);
  assert.equal(exitCode, 0, stderr);
  assert.match(
    stderr,
    /A GB from an edge is taken for 0\.1 USD \(AWS's list price of November 2026: .*0\.114 in Japan/,
  );
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['MEMBER', 'CLUSTERS', 'WARMINGS', 'FETCHED', 'CLUSTER HOURS', 'NODE HOURS', 'ABOUT USD'],
      ['bob', '2', '1', '5.0 GB', '1.5', '3.0', '0.50'],
      ['alice', '2', '1', '1.0 GB', '1.5', '3.0', '0.10'],
    ],
  );
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['GET /v1/usage?month=2026-11&everybody=true', 'GET /v1/usage?month=2026-11&everybody=true&next=aGVyZQ'],
  );
  const prices = ['--node-hour-price', '2', '--output', 'json'];
  const priced = await edgeboot(['usage', ...prices], api.environment);
  assert.deepEqual(
    (JSON.parse(priced.stdout) as { usage: { name: string; costUsd: number }[] }).usage.map(({ name, costUsd }) => [
      name,
      costUsd.toFixed(2),
    ]),
    [['hpc-base', '12.72']],
  );
});

test('a site’s operator asks for what was used there', async () => {
  await using api = await playApi(() => json(200, { month: '2026-11', usage: [row('alice', 1e9), row('alice', 1e9)] }));
  const asked = ['usage', '--site', 'naist', '--by', 'member', '--output', 'json'];
  const { exitCode, stdout, stderr } = await edgeboot(asked, api.environment);
  assert.equal(exitCode, 0, stderr);
  const { usage } = JSON.parse(stdout) as { usage: { name: string; bytesFetched: number; clusters: number }[] };
  assert.deepEqual(
    usage.map(({ name, bytesFetched, clusters }) => [name, bytesFetched, clusters]),
    [['alice', 2e9, 4]],
    'what runs has rows of its own',
  );
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['GET /v1/usage?siteId=naist'],
  );
});

test('nonsense is refused before anybody is asked', async () => {
  await using api = await playApi(() => json(200, { month: '2026-11', usage: [] }));
  for (const args of [
    ['--month', '2026-13'],
    ['--by', 'moon'],
    ['--gb-price', '-1'],
    ['--node-hour-price', 'free'],
    ['--member', 'bob', '--everybody'],
    ['--site', 'naist', '--everybody'],
  ]) {
    const { exitCode, stdout } = await edgeboot(['usage', ...args], api.environment);
    assert.deepEqual([exitCode, stdout], [ERROR_KINDS.USAGE.exitCode, ''], args.join(' '));
  }
  assert.deepEqual(api.requests, []);
});
