import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { suite, test, before, after } from 'node:test';
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { DescribeLogStreamsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { request } from 'undici';
import { awsClients, type AwsClients } from '../../../local/aws/services.ts';
import { startCloud, type Cloud } from '../../../local/cloud.ts';
import { clientOptions } from './client-options.ts';

void suite('the embedded cloud', { timeout: 120_000 }, () => {
  let cloud: Cloud;
  let clients: AwsClients;
  before(async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    cloud = await startCloud({
      members: [{ id: 'alice', groups: [] }],
      rootPublicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      log: () => undefined,
    });
    clients = awsClients(cloud.endpoints);
  });
  after(async () => {
    clients.destroy();
    await cloud.close();
  });

  void test('has what serverless.yml declares', async () => {
    const { Table } = await clients.dynamoDb.send(new DescribeTableCommand({ TableName: cloud.names.table }));
    assert.equal(Table?.TableStatus, 'ACTIVE');
    const ttl = await clients.dynamoDb.send(new DescribeTimeToLiveCommand({ TableName: cloud.names.table }));
    assert.equal(ttl.TimeToLiveDescription?.AttributeName, 'expiresAt');
    const deadLetters = await clients.sqs.send(new GetQueueUrlCommand({ QueueName: 'edgeboot-local-dead-letters' }));
    assert.ok(deadLetters.QueueUrl);
    await clients.logs.send(new DescribeLogStreamsCommand({ logGroupName: '/edgeboot/local/audit' }));
  });

  void test('a function may what its role permits, and nothing else', async (t) => {
    const { AWS_ENDPOINT_URL_DYNAMODB: gate = '' } = cloud.environment;
    const all = { dynamoDb: gate, sqs: gate, s3: gate, secretsManager: gate, sts: gate, cloudWatchLogs: gate };
    const as = (accessKeyId: string) => {
      const own = awsClients(all, { accessKeyId, secretAccessKey: 'local' });
      t.after(() => own.destroy());
      return own;
    };
    const [reader, mint] = [as('readDeployments'), as('mintUrls')];
    const TableName = cloud.names.table;
    const row = (pk: string) => new GetItemCommand({ TableName, Key: { pk: { S: pk }, sk: { S: 'x' } } });
    await reader.dynamoDb.send(row('SITE#a'));
    const denied = { name: 'AccessDeniedException' };
    await assert.rejects(reader.dynamoDb.send(row('IDEMPOTENCY#a')), denied);
    const Item = { pk: { S: 'DEPLOYMENT#a' }, sk: { S: 'x' } };
    await assert.rejects(reader.dynamoDb.send(new PutItemCommand({ TableName, Item })), denied);
    const secret = new GetSecretValueCommand({ SecretId: cloud.names.signingKeySecret });
    await assert.rejects(reader.secretsManager.send(secret), denied);
    await mint.secretsManager.send(secret);
    const object = new PutObjectCommand({ Bucket: cloud.names.bucket, Key: 'images/a/parts/b', Body: 'x' });
    await assert.rejects(mint.s3.send(object), { name: 'AccessDenied' });
  });

  void test('its API lets members in, and nobody else', async () => {
    const list = async (token?: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await fetch(`${cloud.apiUrl}/v1/sites`, { headers })).status;
    };
    assert.equal(await list(await cloud.issuer.issueToken('alice')), 200);
    assert.equal(await list(), 401);
    assert.equal(await list(await cloud.issuer.issueToken('alice', { exp: 1 })), 401);
    assert.equal(await list(await cloud.issuer.issueToken('alice', { aud: 'https://elsewhere.test' })), 401);
  });

  void test('its functions can be invoked by name', async (t) => {
    const lambda = new LambdaClient(clientOptions(cloud.lambdaEndpoint));
    t.after(() => lambda.destroy());
    const swept = await lambda.send(new InvokeCommand({ FunctionName: 'edgeboot-local-sweep' }));
    assert.equal(swept.FunctionError, undefined);
  });

  void test('its distribution serves the bucket to holders of a URL signed with the key of the day', async () => {
    await clients.s3.send(new PutObjectCommand({ Bucket: cloud.names.bucket, Key: 'images/x/parts/y', Body: 'part' }));
    const url = `${cloud.distribution.baseUrl}/images/x/parts/y`;
    const location = cloud.distribution.locations[0];
    assert.ok(location);
    const get = async (signedUrl: string) => {
      const { pathname, search, port } = new URL(signedUrl);
      const headers = { host: new URL(url).host };
      const answer = await request(`http://${location.address}:${port}${pathname}${search}`, { headers });
      return `${answer.statusCode} ${await answer.body.text()}`;
    };
    const sign = async () => {
      const { secretsManager } = clients;
      const secret = await secretsManager.send(new GetSecretValueCommand({ SecretId: cloud.names.signingKeySecret }));
      const { keyPairId, privateKeyPem } = JSON.parse(secret.SecretString ?? '') as Record<string, string>;
      assert.ok(keyPairId !== undefined && privateKeyPem !== undefined);
      const dateLessThan = new Date(Date.now() + 60_000);
      return getSignedUrl({ url, keyPairId, privateKey: privateKeyPem, dateLessThan, algorithm: 'SHA256' });
    };
    assert.match(await get(url), /^403 /);
    assert.equal(await get(await sign()), '200 part');
  });
});
