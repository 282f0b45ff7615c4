/** Transactions that get into each other's way; the database is a loopback server that says so as often as told. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it, type TestContext } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Table } from '../../functions/adapters/dynamodb-table.ts';

const CONFLICT = {
  __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
  Message: 'Transaction cancelled',
  CancellationReasons: [{ Code: 'TransactionConflict' }],
};

async function busyTable(t: TestContext, conflicts: number) {
  const asked = { times: 0 };
  const server = createServer((request, response) => {
    request.resume();
    asked.times += 1;
    const refused = asked.times <= conflicts;
    response.writeHead(refused ? 400 : 200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(refused ? CONFLICT : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { table: new Table('t', client), asked };
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
