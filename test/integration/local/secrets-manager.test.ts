import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { startSecretsManager } from '../../../local/aws/secrets-manager.ts';
import { clientOptions } from './client-options.ts';

void test('Secrets Manager: create, rotate, read, delete', { timeout: 10_000 }, async (t) => {
  const service = await startSecretsManager();
  const client = new SecretsManagerClient(clientOptions(service.endpoint));
  t.after(async () => {
    client.destroy();
    await service.close();
  });
  const SecretId = 'edgeboot/local/signing-key';
  const read = (options = {}) => client.send(new GetSecretValueCommand({ SecretId, ...options }));

  await assert.rejects(read(), { name: 'ResourceNotFoundException' });
  const created = await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'one' }));
  await assert.rejects(client.send(new CreateSecretCommand({ Name: SecretId })), { name: 'ResourceExistsException' });
  assert.equal((await read()).SecretString, 'one');
  assert.equal((await read({ SecretId: created.ARN })).SecretString, 'one');

  await client.send(new PutSecretValueCommand({ SecretId, SecretString: 'two' }));
  const current = await read();
  assert.equal(current.SecretString, 'two');
  assert.deepEqual(current.VersionStages, ['AWSCURRENT']);
  assert.ok(current.CreatedDate instanceof Date);
  assert.equal((await read({ VersionStage: 'AWSPREVIOUS' })).SecretString, 'one');
  assert.equal((await read({ VersionId: created.VersionId })).SecretString, 'one');

  const describe = () => client.send(new DescribeSecretCommand({ SecretId }));
  assert.equal((await describe()).ARN, created.ARN);
  await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
  await assert.rejects(describe(), { name: 'ResourceNotFoundException' });
});
