/** `edgeboot deployment create --dry-run`, at an API that a test plays. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { DeploymentCheck } from '#shared/api/deployments.ts';
import { SSH_KEY } from '../../helpers/model-samples.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { edgeboot, json, playApi } from './edgeboot-process.ts';

const CHECK: DeploymentCheck = {
  ...{ siteId: 'naist', imageName: 'hpc-base', imageVersion: 4 },
  ...{ agentHeard: true, lastSeen: '2026-11-23T09:00:00.000Z' },
  free: { cpus: 8, memoryMiB: 1024, publicAddresses: 3 },
};
const REFUSED: DeploymentCheck = {
  ...CHECK,
  agentHeard: false,
  refusal: { code: 'QUOTA_EXCEEDED', message: 'two of two', remedy: 'destroy one' },
};

async function dryRun(check: DeploymentCheck, ...more: readonly string[]) {
  await using folder = await createTemporaryFolder();
  await using api = await playApi(() => json(200, { check }));
  const key = path.join(folder.path, 'key.pub');
  await writeFile(key, SSH_KEY);
  const args = ['deployment', 'create', 'hpc-base', '--site', 'naist', '--key', key, '--dry-run', ...more];
  const result = await edgeboot(args, api.environment);
  return { ...result, asked: api.requests.map(({ operation }) => operation), body: api.requests[0]?.body ?? '{}' };
}

test('asks once, makes nothing, and says where it would go', async () => {
  const { exitCode, stdout, asked, body } = await dryRun(CHECK, '--hours', '3', '--computes', '2');
  assert.equal(exitCode, 0);
  assert.deepEqual(asked, ['POST /v1/deployments/dry-run']);
  assert.deepEqual(JSON.parse(body), {
    ...{ imageName: 'hpc-base', siteId: 'naist', computes: 2, hours: 3 },
    sshPublicKeys: [SSH_KEY],
  });
  assert.match(stdout, /^image +hpc-base@4$/m);
  assert.match(stdout, /^agent +last heard 2026-11-23T09:00:00\.000Z$/m);
  assert.match(stdout, /^request +would be accepted$/m);
});

test('what would be refused ends as the request would', async () => {
  const { exitCode, stdout, stderr } = await dryRun(REFUSED, '--output', 'json');
  assert.equal(exitCode, 75);
  assert.deepEqual(JSON.parse(stdout), REFUSED);
  assert.match(stderr, /^edgeboot: QUOTA_EXCEEDED: two of two\n {2}destroy one$/m);
});

test('tells in words how much would be fetched, and that there is no room now', async () => {
  const warning = { code: 'NO_CAPACITY', message: 'naist has 1 CPUs free', remedy: 'ask for less' };
  const { exitCode, stdout } = await dryRun({ ...CHECK, bytesToFetch: 3_500_000_000, warning });
  assert.equal(exitCode, 0);
  assert.match(stdout, /^to fetch +at most 3[.0-9]* G/m);
  assert.match(stdout, /^warning +it does not fit now: naist has 1 CPUs free$/m);
});

test('any site: says which one it would be, or that none takes it', async () => {
  const chosen = await dryRun(CHECK, '--site', 'any');
  assert.equal((JSON.parse(chosen.body) as { siteId: string }).siteId, 'any');
  assert.match(chosen.stdout, /^site +naist$/m);
  const { imageName, imageVersion } = CHECK;
  const refusal = { code: 'NO_CAPACITY', message: 'no site takes it now', remedy: 'ask for less' };
  const none = await dryRun({ imageName, imageVersion, agentHeard: false, refusal }, '--site', 'any');
  assert.equal(none.exitCode, 75);
  assert.match(none.stdout, /^site +none$/m);
  assert.doesNotMatch(none.stdout, /^agent/m);
});

test('an agent that is not heard is waited for, but not by what is refused', async () => {
  const { siteId, imageName, imageVersion } = CHECK;
  const never = { siteId, imageName, imageVersion, agentHeard: false };
  assert.match((await dryRun(never)).stdout, /^agent +never heard; a deployment would wait for it$/m);
  const refusal = { code: 'NOT_FOUND', message: 'there is no site naist', remedy: 'look' };
  const { exitCode, stdout } = await dryRun({ ...never, refusal });
  assert.equal(exitCode, 66);
  assert.doesNotMatch(stdout, /^agent/m);
  assert.match((await dryRun(REFUSED)).stdout, /^agent +last heard \S+, not within the last 60 s$/m);
});

test('says that networks of the site are known to its agent alone', async () => {
  const { exitCode, stderr } = await dryRun(CHECK, '--add-iface', 'storage,backup');
  assert.equal(exitCode, 0);
  assert.match(stderr, /^Whether the site has storage, backup its agent alone knows/m);
  assert.equal((await dryRun(CHECK)).stderr, '');
});

test('is not for --wait', async () => {
  const { exitCode, asked } = await dryRun(CHECK, '--wait');
  assert.equal(exitCode, 64);
  assert.deepEqual(asked, []);
});
