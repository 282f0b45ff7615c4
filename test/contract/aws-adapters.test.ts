/** The control plane's AWS adapters, and the agent's queue, over real sockets against the embedded services. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { ulid } from 'ulid';
import { createSqsJobQueue } from '../../edge-agent/adapters/sqs-job-queue.ts';
import { CloudWatchAuditLog } from '../../functions/adapters/cloudwatch-audit-log.ts';
import { S3ImageBucket } from '../../functions/adapters/s3-image-bucket.ts';
import { SecretsManagerEnrollmentSecrets } from '../../functions/adapters/secrets-manager-enrollment-secrets.ts';
import { SecretsManagerSigningKeys } from '../../functions/adapters/secrets-manager-signing-keys.ts';
import { SqsDeploymentQueues } from '../../functions/adapters/sqs-deployment-queues.ts';
import { StsSiteCredentials } from '../../functions/adapters/sts-site-credentials.ts';
import {
  type AwsClients,
  awsClients,
  awsEnvironment,
  type AwsServices,
  startAwsServices,
} from '../../local/aws/services.ts';
import { Closers } from '../../local/closers.ts';

const never = new AbortController().signal;
const closers = new Closers();
let services: AwsServices;
let clients: AwsClients;

before(async () => {
  services = await startAwsServices(() => undefined, closers);
  clients = awsClients(services.endpoints);
  // As every function gets them: the adapters make their own clients.
  Object.assign(process.env, awsEnvironment(services.endpoints));
  await clients.s3.send(new CreateBucketCommand({ Bucket: 'images' }));
  await clients.sqs.send(new CreateQueueCommand({ QueueName: 'edgeboot-test-dead-letters' }));
});
after(async () => {
  clients.destroy();
  await closers.close();
});

describe('a site’s queue', () => {
  const queues = () => new SqsDeploymentQueues('edgeboot-test');
  const agentsQueue = (queueUrl: string) =>
    createSqsJobQueue(() =>
      Promise.resolve({
        region: 'us-east-1',
        queueUrl,
        distributionUrl: 'https://d1.example.org',
        credentials: {
          accessKeyId: 'a',
          secretAccessKey: 'b',
          sessionToken: 'c',
          expiration: new Date(Date.now() + 3_600_000).toISOString(),
        },
      }),
    );

  it('is made once, redriving to the dead-letter queue', async () => {
    const { queueUrl, queueArn } = await queues().create('naist');
    assert.deepEqual(await queues().create('naist'), { queueUrl, queueArn });
    assert.match(queueArn, /:edgeboot-test-site-naist$/);
    const { Attributes } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
    );
    const redrive = JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}') as Record<string, unknown>;
    assert.match(String(redrive['deadLetterTargetArn']), /:edgeboot-test-dead-letters$/);
    assert.equal(Number(redrive['maxReceiveCount']), 20);
    assert.equal(Attributes?.['VisibilityTimeout'], '120');
    assert.equal(Attributes['SqsManagedSseEnabled'], 'true');
    const fourDays = 4 * 24 * 3600;
    assert.equal(Attributes['MessageRetentionPeriod'], String(fourDays), 'ten days before the dead-letter queue’s');
  });

  it('hands the agent what was sent, counts receives, and forgets what was deleted', async () => {
    const { queueUrl } = await queues().create('ucsd');
    const message = { schemaVersion: 1, deploymentId: ulid(), generation: 1 } as const;
    const queue = await agentsQueue(queueUrl);
    const waiting = queue.receive(10, never);
    await queues().send(queueUrl, message);
    const [first] = await waiting;
    assert.ok(first);
    assert.deepEqual(JSON.parse(first.body), message);
    assert.equal(first.receiveCount, 1);
    await queue.extend(first, 0);
    const [again] = await queue.receive(10, never);
    assert.equal(again?.receiveCount, 2);
    await queue.delete(again);
    assert.equal(await queue.depth(), 0);
    await assert.rejects(queue.extend(again, 60), 'a lease on a deleted message is lost');
  });

  it('stops waiting when the agent is stopped', async () => {
    const { queueUrl } = await queues().create('idle');
    const queue = await agentsQueue(queueUrl);
    const stop = new AbortController();
    const waiting = queue.receive(1, stop.signal);
    stop.abort(new Error('stopped'));
    await assert.rejects(waiting);
  });
});

describe('the images’ bucket', () => {
  const bucket = () => new S3ImageBucket({ bucket: 'images', pathStyle: true });
  const content = Buffer.from('a part of an image');
  const sha256 = hash('sha256', content);

  it('takes exactly the content that an upload was signed for', async () => {
    const imageId = ulid();
    assert.equal(await bucket().sizeOf(imageId, 'parts', sha256), undefined);
    const { url, headers } = await bucket().presignUpload(imageId, 'parts', sha256, content.length);
    const put = async (body: string) => (await fetch(url, { method: 'PUT', headers, body })).status;
    assert.notEqual(await put('b part of an image'), 200);
    assert.equal(await bucket().sizeOf(imageId, 'parts', sha256), undefined);
    assert.equal(await put(content.toString()), 200);
    assert.equal(await bucket().sizeOf(imageId, 'parts', sha256), content.length);
    assert.deepEqual(await bucket().list(imageId, 'parts'), new Map([[sha256, content.length]]));
    assert.deepEqual(await bucket().list(imageId, 'indexes'), new Map());
  });

  it('reads objects up to a bound, and says what was never uploaded', async () => {
    const imageId = ulid();
    const { url, headers } = await bucket().presignUpload(imageId, 'manifests', sha256, content.length);
    await fetch(url, { method: 'PUT', headers, body: content.toString() });
    assert.deepEqual(await bucket().read(imageId, 'manifests', sha256, 100), content);
    await assert.rejects(bucket().read(imageId, 'manifests', sha256, 3), { code: 'INVALID_REQUEST' });
    await assert.rejects(bucket().read(imageId, 'manifests', 'f'.repeat(64), 100), { code: 'NOT_FOUND' });
  });
});

describe('the audit trail', () => {
  it('takes records, making the day’s stream at the first', async () => {
    const logGroupName = `/edgeboot/${ulid()}/audit`;
    await clients.logs.send(new CreateLogGroupCommand({ logGroupName }));
    const log = new CloudWatchAuditLog(logGroupName);
    const record = {
      auditId: ulid(),
      at: new Date().toISOString(),
      actor: 'member:alice',
      action: 'urls.mint',
    } as const;
    await log.append([{ ...record, decision: 'allow' }]);
    await Promise.all([1, 2, 3].map(() => log.append([{ ...record, decision: 'deny' }])));
    const { events = [] } = await clients.logs.send(new FilterLogEventsCommand({ logGroupName }));
    assert.equal(events.length, 4);
  });

  it('fault 66: says so when its log group is gone: the record stays in the outbox', async () => {
    const log = new CloudWatchAuditLog('/edgeboot/nowhere/audit');
    const at = new Date().toISOString();
    await assert.rejects(
      log.append([{ auditId: ulid(), at, actor: 'member:a', action: 'urls.mint', decision: 'allow' }]),
    );
  });
});

describe('what enrollment tokens are derived with', () => {
  it('gives the same registration the same secret, and no other one', async () => {
    const { secretsManager } = clients;
    const [one, another] = ['k', 'l'].map((letter) => letter.repeat(64));
    await secretsManager.send(new CreateSecretCommand({ Name: 'enrollment', SecretString: one }));
    await secretsManager.send(new CreateSecretCommand({ Name: 'other-enrollment', SecretString: another }));
    const derive = (secretId: string, id: string) => new SecretsManagerEnrollmentSecrets(secretId).derive(id);
    const secret = await derive('enrollment', 'a');
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal(await derive('enrollment', 'a'), secret);
    assert.notEqual(await derive('enrollment', 'b'), secret);
    assert.notEqual(await derive('other-enrollment', 'a'), secret, 'the id alone says nothing');
  });

  it('makes none where it is not there, or can be guessed', async () => {
    await assert.rejects(new SecretsManagerEnrollmentSecrets('nowhere').derive('a'), {
      code: 'SERVICE_UNAVAILABLE',
    });
    await clients.secretsManager.send(new CreateSecretCommand({ Name: 'weak', SecretString: 'a'.repeat(42) }));
    await assert.rejects(new SecretsManagerEnrollmentSecrets('weak').derive('a'), /too short/);
  });
});

describe('the signing key', () => {
  it('is read from its secret, and refused in another shape', async () => {
    const { secretsManager } = clients;
    await secretsManager.send(new CreateSecretCommand({ Name: 'key', SecretString: '{"keyPairId":"K"}' }));
    await assert.rejects(new SecretsManagerSigningKeys('key').current());
    const key = { keyPairId: 'K1', privateKeyPem: 'pem' };
    await secretsManager.send(new PutSecretValueCommand({ SecretId: 'key', SecretString: JSON.stringify(key) }));
    assert.deepEqual(await new SecretsManagerSigningKeys('key').current(), key);
  });

  it('is another one as soon as it is changed', async () => {
    const { secretsManager } = clients;
    const put = (keyPairId: string) => JSON.stringify({ keyPairId, privateKeyPem: 'pem' });
    await secretsManager.send(new CreateSecretCommand({ Name: 'rotated', SecretString: put('K1') }));
    const keys = new SecretsManagerSigningKeys('rotated');
    assert.equal((await keys.current()).keyPairId, 'K1');
    await secretsManager.send(new PutSecretValueCommand({ SecretId: 'rotated', SecretString: put('K2') }));
    assert.equal((await keys.current()).keyPairId, 'K2');
  });
});

describe('a site’s credentials', () => {
  it('reach its own queue and nothing else, for an hour', async () => {
    const queueArn = 'arn:aws:sqs:us-east-1:123456789012:edgeboot-test-site-naist';
    const credentials = await new StsSiteCredentials('edgeboot-test-site-session').open('naist', queueArn);
    const left = Date.parse(credentials.expiration) - Date.now();
    assert.ok(left > 3_500_000 && left <= 3_600_000);
    const role = services.assumedRoles.at(-1);
    assert.equal(role?.roleArn, 'arn:aws:iam::123456789012:role/edgeboot-test-site-session');
    const policy = role.sessionPolicy as { Statement: { Resource: string; Action: string[] }[] };
    assert.deepEqual(
      policy.Statement.map(({ Resource }) => Resource),
      [queueArn],
    );
    assert.ok(policy.Statement[0]?.Action.every((action) => action.startsWith('sqs:') && !action.includes('*')));
  });
});
