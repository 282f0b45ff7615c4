/** `edgeboot site`, at an API that a test plays. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { sampleDeployment, sampleSite } from '../../helpers/model-samples.ts';
import { edgeboot, json, playApi, problem } from './edgeboot-process.ts';

const DRAINING = '2026-11-23T09:00:00.000Z';
const SEEN = { granted: true, silent: false, cachedImages: 2 };
const ACCESS = {
  version: 3,
  grants: [{ groups: ['members'], images: ['hpc-base'], quota: { maxCpus: 16, maxClusters: 2 } }],
  vetoes: { members: ['mallory'], images: [] },
};

test('list shows where the member may deploy, and which sites drain', async () => {
  const sites = [
    { ...sampleSite(), ...SEEN, drainingSince: DRAINING },
    { ...sampleSite({ siteId: 'ucsd', lastSeen: DRAINING }), ...SEEN, granted: false, silent: true, cachedImages: 0 },
  ];
  await using api = await playApi(() => json(200, { sites }));
  const { stdout } = await edgeboot(['site', 'list'], api.environment);
  assert.match(stdout, /^naist +Nara +yes +draining .* 2 +- +not enrolled$/m);
  assert.match(stdout, /^ucsd +Nara +no +taken .* 0 +- +2026-11-23T09:00:00\.000Z \(silent\)$/m);
});

test('show names what is cached, and how much of a transfer that spares', async () => {
  const cached = [{ imageName: 'hpc-base', version: 3, cachedBytes: 1_500_000_000 }];
  await using api = await playApi(() => json(200, { site: { ...sampleSite(), ...SEEN, cached } }));
  const { stdout } = await edgeboot(['site', 'show', 'naist'], api.environment);
  assert.match(stdout, /^site +naist$/m);
  assert.match(stdout, /^CACHED IMAGE +SPARED\nhpc-base@3 +1\.5 GB$/m);
});

test('drain and resume say what the site does now', async () => {
  await using api = await playApi(({ operation }) =>
    json(200, { site: operation.startsWith('PUT') ? sampleSite({ drainingSince: DRAINING }) : sampleSite() }),
  );
  const drained = await edgeboot(['site', 'drain', 'naist'], api.environment);
  assert.match(drained.stdout, /^new work +refused: draining since 2026-11-23T09:00:00\.000Z$/m);
  const resumed = await edgeboot(['site', 'resume', 'naist', '--output', 'json'], api.environment);
  assert.equal((JSON.parse(resumed.stdout) as { drainingSince?: string }).drainingSince, undefined);
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['PUT /v1/sites/naist/drain', 'DELETE /v1/sites/naist/drain'],
  );
});

test('what grants prints, YAML or JSON, is what --set takes', async () => {
  await using folder = await createTemporaryFolder();
  await using api = await playApi(() => json(200, { access: ACCESS }));
  for (const format of ['text', 'json']) {
    const { stdout } = await edgeboot(['site', 'grants', 'naist', '--output', format], api.environment);
    assert.deepEqual(parse(stdout), ACCESS);
    const file = path.join(folder.path, format);
    await writeFile(file, stdout);
    const set = await edgeboot(['site', 'grants', 'naist', '--set', file], api.environment);
    assert.equal(set.exitCode, 0, set.stderr);
    const { operation, body } = api.requests.at(-1) ?? assert.fail();
    assert.deepEqual([operation, JSON.parse(body)], ['PUT /v1/sites/naist/grants', ACCESS]);
  }
});

test('grants without a version replace those that are there now', async () => {
  await using folder = await createTemporaryFolder();
  await using api = await playApi(() => json(200, { access: ACCESS }));
  const file = path.join(folder.path, 'grants.yaml');
  await writeFile(file, 'grants:\n  - member: alice\n');
  await edgeboot(['site', 'grants', 'naist', '--set', file], api.environment);
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['GET /v1/sites/naist/grants', 'PUT /v1/sites/naist/grants'],
  );
  assert.deepEqual(JSON.parse(api.requests[1]?.body ?? ''), {
    version: 3,
    grants: [{ member: 'alice', images: 'all', quota: {} }],
    vetoes: { members: [], images: [] },
  });
});

for (const { what, content, words } of [
  { what: 'that are no grants', content: 'grants:\n  - everybody: yes\n', words: /holds no grants: [^]*everybody/ },
  { what: 'that are no YAML', content: 'grants: [', words: /cannot be read/ },
  { what: 'for both kinds at once', content: 'grants: [{groups: [a], member: b}]', words: /either groups or a/ },
]) {
  test(`grants ${what} never reach the API`, async () => {
    await using folder = await createTemporaryFolder();
    await using api = await playApi(() => json(200, { access: ACCESS }));
    const file = path.join(folder.path, 'grants.yaml');
    await writeFile(file, content);
    const { exitCode, stderr } = await edgeboot(['site', 'grants', 'naist', '--set', file], api.environment);
    assert.equal(exitCode, 64);
    assert.match(stderr, words);
    assert.equal(api.requests.length, 0);
  });
}

test('grants that somebody else has changed meanwhile end with 75', async () => {
  await using folder = await createTemporaryFolder();
  await using api = await playApi(() => problem('CONFLICT', 'the grants of naist were changed at the same time'));
  const file = path.join(folder.path, 'grants.json');
  await writeFile(file, JSON.stringify(ACCESS));
  assert.equal((await edgeboot(['site', 'grants', 'naist', '--set', file], api.environment)).exitCode, 75);
});

test('deployments lists what is at the site, whoever’s it is, page by page, and says how to go on', async () => {
  const all = ['carol', 'bob', 'alice'].map((memberId) => {
    return { ...sampleDeployment({ memberId, endsAt: DRAINING }), sshPublicKeys: undefined };
  });
  await using api = await playApi(({ operation }) =>
    operation.includes('next=')
      ? json(200, { deployments: all.slice(2) })
      : json(200, { deployments: all, next: 'abcd' }),
  );
  const { stdout, stderr } = await edgeboot(['site', 'deployments', 'naist', '--limit', '3'], api.environment);
  const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(
    rows.slice(0, 4).map(([, , member, , , , , ends]) => [member, ends]),
    [['MEMBER', 'ENDS'], ...['carol', 'bob', 'alice'].map((memberId) => [memberId, DRAINING])],
  );
  assert.match(stderr, /^There may be older ones: the same with --next abcd, or with a larger --limit\.$/m);
  const args = ['site', 'deployments', 'naist', '--limit', '1', '--next', 'abcd', '--output', 'json'];
  const rest = await edgeboot(args, api.environment);
  assert.deepEqual(
    (JSON.parse(rest.stdout) as { memberId: string }[]).map(({ memberId }) => memberId),
    ['alice'],
  );
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['GET /v1/sites/naist/deployments?limit=3', 'GET /v1/sites/naist/deployments?limit=1&next=abcd'],
  );
});

for (const args of [['NO SITE'], ['naist', '--limit', '0'], []]) {
  test(`deployments ${args.join(' ')} is wrong usage`, async () => {
    await using api = await playApi(() => json(200, { deployments: [] }));
    assert.equal((await edgeboot(['site', 'deployments', ...args], api.environment)).exitCode, 64);
    assert.equal(api.requests.length, 0);
  });
}
