/** Rows that time to live has not removed yet, in a real database engine: what is expired counts as gone, whether it lies there or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulid } from 'ulid';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';
import { startStackTable } from '../helpers/stack-table.ts';

const DAY_MILLISECONDS = 24 * 3_600_000;

test('fault 59: an idempotency key of yesterday makes something new, for another request, too', async () => {
  await using stack = await startStackTable();
  const deployments = new DynamoDbDeploymentStore(stack.table);
  const key = { memberId: ulid(), key: ulid(), requestSha256: 'one' };
  const begin = Date.parse('2026-11-23T09:00:00.000Z');
  const create = (afterMilliseconds: number, requestSha256 = key.requestSha256) => {
    const createdAt = new Date(begin + afterMilliseconds).toISOString();
    const deployment = sampleDeployment({ memberId: key.memberId, createdAt });
    return deployments.create(deployment, sampleEvent(deployment), [], { ...key, requestSha256 });
  };
  const first = await create(0);
  assert.equal((await create(DAY_MILLISECONDS)).deploymentId, first.deploymentId);
  await assert.rejects(create(DAY_MILLISECONDS, 'two'), { code: 'IDEMPOTENCY_MISMATCH' });

  const later = DAY_MILLISECONDS + 1000;
  const at = new Date(begin + later).toISOString();
  assert.equal(await deployments.findMade(key, at), undefined, 'its record still lies there');
  const second = await create(later, 'two');
  assert.notEqual(second.deploymentId, first.deploymentId);
  assert.equal((await create(later, 'two')).deploymentId, second.deploymentId);
  assert.equal((await deployments.listByMember(key.memberId, undefined, 10)).length, 2);
});
