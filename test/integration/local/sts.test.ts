import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { startSts } from '../../../local/aws/sts.ts';
import { clientOptions } from './client-options.ts';

void test(
  'STS: AssumeRole gives credentials for an hour and remembers the session policy',
  { timeout: 10_000 },
  async (t) => {
    const service = await startSts();
    const client = new STSClient(clientOptions(service.endpoint));
    t.after(async () => {
      client.destroy();
      await service.close();
    });
    const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*' }] };
    const role = { RoleArn: 'arn:aws:iam::000000000000:role/edgeboot-local-agent', RoleSessionName: 'naist' };
    const { Credentials, AssumedRoleUser } = await client.send(
      new AssumeRoleCommand({ ...role, Policy: JSON.stringify(policy), DurationSeconds: 3_600 }),
    );
    assert.ok(
      Credentials?.AccessKeyId && Credentials.SecretAccessKey && Credentials.SessionToken && Credentials.Expiration,
    );
    const remainingSeconds = (Credentials.Expiration.getTime() - Date.now()) / 1_000;
    assert.ok(remainingSeconds > 3_590 && remainingSeconds <= 3_600);
    assert.equal(AssumedRoleUser?.Arn, 'arn:aws:sts::000000000000:assumed-role/edgeboot-local-agent/naist');
    assert.deepEqual(
      service.assumedRoles.map(({ sessionName, sessionPolicy }) => ({ sessionName, sessionPolicy })),
      [{ sessionName: 'naist', sessionPolicy: policy }],
    );

    const { endpoint, region } = clientOptions(service.endpoint);
    const agent = new STSClient({
      endpoint,
      region,
      credentials: {
        accessKeyId: Credentials.AccessKeyId,
        secretAccessKey: Credentials.SecretAccessKey,
        sessionToken: Credentials.SessionToken,
      },
    });
    t.after(() => agent.destroy());
    assert.equal((await agent.send(new GetCallerIdentityCommand({}))).Arn, AssumedRoleUser.Arn);

    await assert.rejects(client.send(new AssumeRoleCommand({ ...role, Policy: '{' })), {
      name: 'MalformedPolicyDocumentException',
    });
    await assert.rejects(client.send(new AssumeRoleCommand({ ...role, DurationSeconds: 60 })), {
      name: 'ValidationError',
    });
    await assert.rejects(client.send(new AssumeRoleCommand({ ...role, Policy: ' '.repeat(2_049) })), {
      name: 'ValidationError',
    });
  },
);
