/** Transactions that get into each other's way; the database is a loopback server that says so as often as told. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it, type TestContext } from 'node:test';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';

const CONFLICT = {
  __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
  Message: 'Transaction cancelled',
  CancellationReasons: [{ Code: 'TransactionConflict' }],
};

/** @param item what reads answer */
async function busyTable(t: TestContext, conflicts: number, item?: Record<string, { N: string }>) {
  const asked = { times: 0 };
  const server = createServer((request, response) => {
    request.resume();
    const isRead = String(request.headers['x-amz-target']).endsWith('.GetItem');
    if (!isRead) asked.times += 1;
    const refused = !isRead && asked.times <= conflicts;
    response.writeHead(refused ? 400 : 200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(refused ? CONFLICT : { ...(isRead && { Item: item }) }));
  });
  return { ...(await tableAt(t, server)), asked };
}

async function tableAt(t: TestContext, server: Server, config: DynamoDBClientConfig = {}): Promise<{ table: Table }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new DynamoDBClient({
    ...config,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { table: new Table('t', client) };
}

it('a transaction that others were in the way of is tried again', async (t) => {
  const { table, asked } = await busyTable(t, 3);
  await table.transact([table.remove({ pk: 'a', sk: 'b' })]);
  assert.equal(asked.times, 4);
});

it('a transaction that others are in the way of each time is a CONFLICT', async (t) => {
  const { table, asked } = await busyTable(t, Infinity);
  await assert.rejects(table.transact([table.remove({ pk: 'a', sk: 'b' })]), { code: 'CONFLICT' });
  assert.equal(asked.times, 4);
});

for (const name of ['ProvisionedThroughputExceededException', 'ThrottlingException', 'InternalServerError']) {
  it(`fault 65: a store that says ${name} is SERVICE_UNAVAILABLE, and nothing is written in halves`, async (t) => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      request.resume();
      seen.push(String(request.headers['x-amz-target']));
      response.writeHead(name.startsWith('Internal') ? 500 : 400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'later' }));
    });
    const { table } = await tableAt(t, server, { maxAttempts: 2 });
    const deployment = sampleDeployment();
    const store = new DynamoDbDeploymentStore(table);
    await assert.rejects(store.create(deployment, sampleEvent(deployment), [], undefined), {
      code: 'SERVICE_UNAVAILABLE',
    });
    await assert.rejects(store.find(deployment.deploymentId), { code: 'SERVICE_UNAVAILABLE' });
    assert.deepEqual(
      new Set(seen),
      new Set(['DynamoDB_20120810.TransactWriteItems', 'DynamoDB_20120810.GetItem']),
      'row, event, use and outbox are one write',
    );
  });
}

/** Others are in the way of every transaction; the member has `clusters` of three. */
async function createAmongMany(t: TestContext, clusters: number) {
  const { table, asked } = await busyTable(t, Infinity, { cpus: { N: '0' }, clusters: { N: String(clusters) } });
  const deployment = sampleDeployment();
  const create = new DynamoDbDeploymentStore(table).create(deployment, sampleEvent(deployment), [], undefined, {
    maxClusters: 3,
  });
  return { create, asked };
}

it('a deployment that comes to nothing among many is refused as soon as they have taken the last room', async (t) => {
  const { create, asked } = await createAmongMany(t, 3);
  await assert.rejects(create, { code: 'QUOTA_EXCEEDED' });
  assert.equal(asked.times, 0);
});

it('a deployment that comes to nothing among many while there is room is a CONFLICT after some tries', async (t) => {
  const { create, asked } = await createAmongMany(t, 2);
  await assert.rejects(create, { code: 'CONFLICT' });
  assert.equal(asked.times, 20);
});
