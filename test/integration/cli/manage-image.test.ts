/** `edgeboot image` channel, share, deprecate, recall, delete and show, at an API that a test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  sampleDeployment,
  sampleImage,
  sampleImageVersion,
  sampleWarming,
  SSH_KEY,
} from '../../helpers/model-samples.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { edgeboot, json, playApi, problem } from './edgeboot-process.ts';

const IMAGE = sampleImage({
  latestVersion: 3,
  channels: { stable: 2 },
  sharing: { with: 'groups', groups: ['physics'] },
});
const AT = '2026-11-25T00:00:00.000Z';
const deprecation = { reason: 'an old kernel', at: AT, by: 'alice' };
const recall = { reason: 'holds\na key', at: AT, by: 'olga' };
const VERSIONS = [
  sampleImageVersion(IMAGE, { version: 1, recall }),
  sampleImageVersion(IMAGE, { version: 2, deprecation }),
  sampleImageVersion(IMAGE, { version: 3 }),
];
const USE = { deploymentId: sampleDeployment().deploymentId, memberId: 'bob', siteId: 'naist' };

test('each command sends what it says, and prints what the API answers', async () => {
  const [recalled, deprecated] = VERSIONS;
  const commands = [
    ['channel set hpc-base@stable 2', 'PUT /v1/images/hpc-base/channels/stable', { version: 2 }, IMAGE],
    ['channel remove hpc-base@stable', 'DELETE /v1/images/hpc-base/channels/stable', undefined, IMAGE],
    ['share hpc-base --members', 'PUT /v1/images/hpc-base/sharing', { sharing: { with: 'members' } }, IMAGE],
    ['share hpc-base --private', 'PUT /v1/images/hpc-base/sharing', { sharing: { with: 'owner' } }, IMAGE],
    [
      ...['share hpc-base --groups a,b', 'PUT /v1/images/hpc-base/sharing'],
      ...[{ sharing: { with: 'groups', groups: ['a', 'b'] } }, IMAGE],
    ],
    [
      ...['deprecate hpc-base@2 --reason old', 'PUT /v1/images/hpc-base/versions/2/deprecation'],
      ...[{ reason: 'old' }, deprecated],
    ],
    ['deprecate hpc-base@2 --undo', 'DELETE /v1/images/hpc-base/versions/2/deprecation', undefined, VERSIONS[2]],
    [
      ...['recall hpc-base@1 --reason leak', 'PUT /v1/images/hpc-base/versions/1/recall'],
      ...[{ reason: 'leak' }, { version: recalled, deployments: [USE] }],
    ],
    [
      ...['delete hpc-base@1', 'DELETE /v1/images/hpc-base/versions/1'],
      ...[undefined, { imageName: 'hpc-base', version: 1 }],
    ],
  ] as const;
  await Promise.all(
    commands.map(async ([line, operation, body, answer]) => {
      await using api = await playApi(() => json(200, answer));
      const { stdout, stderr, exitCode } = await edgeboot(
        ['image', ...line.split(' '), '--output', 'json'],
        api.environment,
      );
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(answer)));
      const [request, ...more] = api.requests;
      assert.deepEqual([request?.operation, more.length], [operation, 0]);
      assert.deepEqual(request?.body === '' ? undefined : JSON.parse(request?.body ?? ''), body);
    }),
  );
});

test('a recall tells who uses the version, and that they should be told', async () => {
  await using api = await playApi(() => json(200, { version: VERSIONS[0], deployments: [USE] }));
  const { stdout, stderr } = await edgeboot(['image', 'recall', 'hpc-base@1', '--reason', 'leak'], api.environment);
  assert.match(stdout, /^version 1 was recalled 2026-\S+ by olga: holds\\u000aa key$/m);
  assert.match(stdout, new RegExp(`^${USE.deploymentId} +bob +naist$`, 'm'));
  assert.match(stderr, /The deployments that use it go on: tell their members/);
});

test('show tells channels, sharing and states, and shows one version by number or channel', async () => {
  await using api = await playApi(() => json(200, { ...IMAGE, versions: VERSIONS }));
  const show = async (...args: string[]) => edgeboot(['image', 'show', ...args], api.environment);
  const all = await show('hpc-base');
  assert.match(all.stdout, /^shared with +groups physics$/m);
  assert.match(all.stdout, /^channels +stable=2$/m);
  assert.match(all.stdout, /^1 +- +recalled /m);
  assert.match(all.stdout, /^2 +stable +deprecated /m);
  assert.match(all.stdout, /^version 2 is deprecated since 2026-\S+: an old kernel$/m);
  const versions = async (reference: string) => {
    const { stdout } = await show(reference, '--output', 'json');
    return (JSON.parse(stdout) as { versions: { version: number }[] }).versions.map(({ version }) => version);
  };
  assert.deepEqual(await versions('hpc-base'), [1, 2, 3]);
  assert.deepEqual(await versions('hpc-base@stable'), [2]);
  assert.deepEqual(await versions('hpc-base@3'), [3]);
  for (const [reference, words] of [
    ['hpc-base@4', /has no version 4/],
    ['hpc-base@beta', /has no channel beta/],
  ] as const) {
    const { exitCode, stderr } = await show(reference);
    assert.equal(exitCode, 66);
    assert.match(stderr, words);
  }
});

test('a deployment and a warming by a channel send it, and warn of a deprecated version', async () => {
  await using folder = await createTemporaryFolder();
  const key = path.join(folder.path, 'key.pub');
  await writeFile(key, SSH_KEY);
  const old = { imageDeprecated: 'an old kernel' };
  await using api = await playApi(({ operation }) =>
    operation.includes('warmings')
      ? json(202, { warming: sampleWarming(old), siteIsSilent: false })
      : json(202, { deployment: sampleDeployment(old) }),
  );
  for (const args of [
    ['deployment', 'create', 'hpc-base@stable', '--site', 'naist', '--key', key],
    ['image', 'warm', 'hpc-base@stable', '--site', 'naist'],
  ]) {
    const { stdout, stderr, exitCode } = await edgeboot(args, api.environment);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^warning: hpc-base@1 is deprecated: an old kernel$/m);
    assert.match(stdout, /^deprecated +an old kernel$/m);
    const { imageName, imageChannel, imageVersion } = JSON.parse(api.requests.at(-1)?.body ?? '') as {
      [name: string]: unknown;
    };
    assert.deepEqual([imageName, imageChannel, imageVersion], ['hpc-base', 'stable', undefined]);
  }
});

test('a version that is recalled is bad data, with the next step', async () => {
  await using api = await playApi(() => problem('IMAGE_RECALLED', 'version 1 of hpc-base is recalled: it holds a key'));
  const { exitCode, stderr } = await edgeboot(['image', 'warm', 'hpc-base@1', '--site', 'naist'], api.environment);
  assert.equal(exitCode, 65);
  assert.match(stderr, /IMAGE_RECALLED: version 1 of hpc-base is recalled[^]*edgeboot image show/);
});
