/**
 * What the database says that a request consumed follows the rules of AWS (developer guide, "Global Secondary Indexes: write capacity
 * units" and "Capacity management for transactions"): docs/scale.md is made of it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { startStackTable } from '../helpers/stack-table.ts';
import { type Consumed, startCapacityMeter } from '../scale/capacity-meter.ts';

const undo = new AsyncDisposableStack();
const consumed: Consumed[] = [];
let client: DynamoDBDocumentClient;

before(async () => {
  const { client: direct } = undo.use(await startStackTable());
  const address = await direct.config.endpoint?.();
  assert.ok(address);
  const meter = undo.adopt(
    await startCapacityMeter(`http://${address.hostname}:${address.port ?? 80}`, (one) => void consumed.push(one)),
    (server) => server.close(),
  );
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const metered = undo.adopt(new DynamoDBClient({ endpoint: meter.url, region: 'us-east-1', credentials }), (one) => {
    one.destroy();
  });
  client = DynamoDBDocumentClient.from(metered);
});
after(() => undo.disposeAsync());

const TableName = 'stack';
const row = (sk: string, more: object) => ({ pk: 'P', sk, siteId: 's', ...more });
const listed = { listPk: 'L', listSk: 'l' };
const unsettled = { unsettled: 'U', touchedAt: '1' };
const put = (Item: object) => client.send(new PutCommand({ TableName, Item }));

/** Read, written in the table, written in the indexes. */
async function unitsOf(run: () => Promise<unknown>): Promise<number[]> {
  const earlier = consumed.length;
  await run();
  const [one, ...others] = consumed.slice(earlier);
  assert.ok(one);
  assert.deepEqual(others, []);
  return [one.readUnits, one.tableWriteUnits, one.indexWriteUnits];
}

test('a row is written in the table and in each index that has its attributes, by its size there', async () => {
  assert.deepEqual(await unitsOf(() => put(row('plain', {}))), [0, 1, 0]);
  assert.deepEqual(await unitsOf(() => put(row('listed', listed))), [0, 1, 1]);
  // The index `unsettled` holds keys and two attributes, `listing` everything.
  const large = row('large', { ...listed, ...unsettled, text: 'x'.repeat(3000) });
  assert.deepEqual(await unitsOf(() => put(large)), [0, 3, 3 + 1]);
});

test('another key in an index is two writes there, the same entry none, a removed attribute one', async () => {
  const before = row('moving', { ...unsettled, note: 'a' });
  await put(before);
  assert.deepEqual(await unitsOf(() => put({ ...before, note: 'b' })), [0, 1, 0]);
  assert.deepEqual(await unitsOf(() => put({ ...before, touchedAt: '2' })), [0, 1, 2]);
  assert.deepEqual(await unitsOf(() => put(row('moving', {}))), [0, 1, 1]);
});

test('an update pays for the whole row, the larger of before and after', async () => {
  await put(row('updated', { text: 'x'.repeat(4000) }));
  const update = { TableName, Key: { pk: 'P', sk: 'updated' }, UpdateExpression: 'SET siteId = :s' };
  const change = () => client.send(new UpdateCommand({ ...update, ExpressionAttributeValues: { ':s': 't' } }));
  assert.deepEqual(await unitsOf(change), [0, 4, 0]);
  assert.deepEqual(await unitsOf(() => put(row('updated', {}))), [0, 4, 0]);
});

test('a transaction doubles the part of the table, not that of an index, and pays for rows that it only looks at', async () => {
  const Item = row('together', { ...listed, ...unsettled });
  const check = { TableName, Key: { pk: 'P', sk: 'none' }, ConditionExpression: 'attribute_not_exists(pk)' };
  const TransactItems = [{ Put: { TableName, Item } }, { ConditionCheck: check }];
  assert.deepEqual(await unitsOf(() => client.send(new TransactWriteCommand({ TransactItems }))), [0, 2 + 2, 2]);
  const remove = () => client.send(new DeleteCommand({ TableName, Key: { pk: 'P', sk: 'together' } }));
  assert.deepEqual(await unitsOf(remove), [0, 1, 2]);
});

test('4 KB read are a unit, half of one where it need not be consistent, also of a row that is not there', async () => {
  await put(row('read', { text: 'x'.repeat(5000) }));
  const get = (sk: string, ConsistentRead: boolean) => () =>
    client.send(new GetCommand({ TableName, Key: { pk: 'P', sk }, ConsistentRead }));
  assert.deepEqual(await unitsOf(get('read', true)), [2, 0, 0]);
  assert.deepEqual(await unitsOf(get('read', false)), [1, 0, 0]);
  assert.deepEqual(await unitsOf(get('none', true)), [1, 0, 0]);
});
