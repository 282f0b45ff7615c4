/** `edgeboot audit` at a whole control plane: what was decided there is found, and what is lost is missed. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { AuditRecord } from '#shared/audit.ts';
import { ERROR_KINDS } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { DynamoDbDeploymentStore } from '../../../functions/adapters/dynamodb-deployment-store.ts';
import { DynamoDbImageStore } from '../../../functions/adapters/dynamodb-image-store.ts';
import { Table } from '../../../functions/adapters/dynamodb-table.ts';
import { type AwsClients, awsClients } from '../../../local/aws/services.ts';
import { type Cloud, OIDC_AUDIENCE, startCloud } from '../../../local/cloud.ts';
import {
  sampleDeployment,
  sampleEvent,
  sampleImage,
  sampleImageVersion,
  SSH_KEY,
} from '../../helpers/model-samples.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeSession } from '../../helpers/write-session.ts';
import { edgeboot } from './edgeboot-process.ts';

const MEMBERS = [
  { id: 'olga', groups: ['federation-operators'] },
  { id: 'alice', groups: ['members'] },
  { id: 'mallory', groups: [] },
];
const HOUR_MS = 3_600_000;

void suite('the audit trail, with the command', { timeout: 180_000 }, () => {
  const undo = new AsyncDisposableStack();
  let cloud: Cloud;
  let clients: AwsClients;
  let folder: string;
  before(async () => {
    cloud = await startCloud({
      members: MEMBERS,
      rootPublicKeyPem: newKeyPair().publicKeyPem,
      log: () => undefined,
    });
    undo.defer(() => cloud.close());
    clients = awsClients(cloud.endpoints);
    undo.defer(() => clients.destroy());
    folder = undo.use(await createTemporaryFolder()).path;
    await writeFile(path.join(folder, 'key.pub'), SSH_KEY);
    const images = new DynamoDbImageStore(new Table(cloud.names.table, clients.dynamoDb));
    const image = await images.findOrCreate(sampleImage(), []);
    await images.addVersion(sampleImageVersion(image), []);
  });
  after(() => undo.disposeAsync());

  /** The command as this member runs it. */
  const as = async (member: string, ...args: readonly string[]) => {
    await using directory = await createTemporaryFolder();
    const session = {
      ...{ apiUrl: cloud.apiUrl, issuer: cloud.issuer.issuerUrl, audience: OIDC_AUDIENCE },
      accessToken: await cloud.issuer.issueToken(member),
    };
    await writeSession(directory.path, session);
    return await edgeboot(args, { EDGEBOOT_CONFIG_DIRECTORY: directory.path });
  };
  const succeed = async <T>(member: string, ...args: readonly string[]): Promise<T> => {
    const { exitCode, stdout, stderr } = await as(member, ...args, '--output', 'json');
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const decisions = async (...filter: readonly string[]) =>
    (await succeed<AuditRecord[]>('olga', 'audit', 'list', ...filter)).map(
      ({ decision, action, actor }) => `${decision} ${action} by ${actor}`,
    );
  let deploymentId: string;

  void test('is found by member, site and deployment, and read by operators alone', async () => {
    await succeed('olga', 'site', 'register', 'naist', '--group', 'members');
    const refused = await as('mallory', 'site', 'register', 'ucsd', '--group', 'members');
    assert.equal(refused.exitCode, ERROR_KINDS.FORBIDDEN.exitCode);
    const wish = ['hpc-base', '--site', 'naist', '--computes', '0', '--key', path.join(folder, 'key.pub')];
    ({ deploymentId } = await succeed<{ deploymentId: string }>('alice', 'deployment', 'create', ...wish));
    const mint = { actor: 'member:alice', action: 'deployment.request' };

    assert.deepEqual(await decisions('--member', 'mallory'), ['deny site.register by member:mallory']);
    assert.deepEqual(await decisions('--member', 'mall'), []);
    assert.deepEqual(await decisions('--site', 'naist'), [
      'allow site.register by member:olga',
      `allow ${mint.action} by ${mint.actor}`,
    ]);
    assert.deepEqual(await decisions('--deployment', deploymentId), [`allow ${mint.action} by ${mint.actor}`]);
    assert.deepEqual(await decisions('--until', '1h', '--since', '2h'), []);
    const some = await as('olga', 'audit', 'list', '--limit', '1');
    assert.match(some.stdout, /^TIME +WHO .*\n\S+Z +member:olga +allow +site\.register +naist\n$/);
    assert.match(some.stderr, /--limit above 1/);

    const { exitCode, stderr } = await as('mallory', 'audit', 'list');
    assert.equal(exitCode, ERROR_KINDS.FORBIDDEN.exitCode);
    assert.match(stderr, /federation-operators/);
    assert.ok((await decisions()).includes('deny audit.read by member:mallory'));
  });

  void test('is whole, until a record is gone', async () => {
    const whole = await as('olga', 'audit', 'verify');
    assert.deepEqual([whole.exitCode, whole.stdout], [0, 'The audit trail is whole.\n'], whole.stderr);
    // The row has seen two more decisions, long enough ago.
    const update = new UpdateCommand({
      TableName: cloud.names.table,
      Key: { pk: `DEPLOYMENT#${deploymentId}`, sk: 'DEPLOYMENT' },
      UpdateExpression: 'SET auditSequence = :three, updatedAt = :then',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':three': 3, ':then': new Date(Date.now() - HOUR_MS).toISOString() },
    });
    await clients.dynamoDb.send(update);
    const { exitCode, stdout, stderr } = await as('olga', 'audit', 'verify', '--output', 'json');
    assert.equal(exitCode, ERROR_KINDS.AUDIT_INCOMPLETE.exitCode, stderr);
    assert.deepEqual((JSON.parse(stdout) as { gaps: unknown }).gaps, [
      { subject: 'deployment', id: deploymentId, first: 2, last: 3, kind: 'missing' },
    ]);
    assert.match((await as('olga', 'audit', 'verify')).stdout, new RegExp(`deployment +${deploymentId} +2–3 +missing`));
    // Of another one that began there is no record at all.
    const beganMs = Date.now() - HOUR_MS;
    const at = new Date(beganMs).toISOString();
    const silent = sampleDeployment({ deploymentId: ulid(beganMs), createdAt: at, updatedAt: at });
    const deployments = new DynamoDbDeploymentStore(new Table(cloud.names.table, clients.dynamoDb));
    await deployments.create(silent, sampleEvent(silent), [], undefined);
    const { stdout: table } = await as('olga', 'audit', 'verify');
    assert.match(table, new RegExp(`deployment +${silent.deploymentId} +1 +missing`));
  });

  void test('is not asked for nonsense', async () => {
    for (const args of [
      ['list', '--since', 'yesterday'],
      ['list', '--since', '1h', '--until', '2h'],
      ['list', '--limit', '0'],
      ['list', '--deployment', 'x'],
      ['verify', '--since', '0x'],
    ]) {
      const { exitCode, stdout } = await as('olga', 'audit', ...args);
      assert.deepEqual([exitCode, stdout], [ERROR_KINDS.USAGE.exitCode, ''], args.join(' '));
    }
    const { exitCode } = await as('olga', 'audit', 'list', '--member', 'a"b');
    assert.equal(exitCode, ERROR_KINDS.INVALID_REQUEST.exitCode);
  });
});
