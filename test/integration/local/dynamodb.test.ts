import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { startDynamoDb } from '../../../local/aws/dynamodb.ts';
import { clientOptions } from './client-options.ts';

void test('DynamoDB: conditional transactions and a secondary index', { timeout: 20_000 }, async (t) => {
  const service = await startDynamoDb({ log: () => undefined });
  t.after(() => service.close());
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(clientOptions(service.endpoint)));
  t.after(() => client.destroy());
  await client.send(
    new CreateTableCommand({
      TableName: 'table',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'gsi', AttributeType: 'S' },
      ],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byGsi',
          KeySchema: [{ AttributeName: 'gsi', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
  await client.send(new PutCommand({ TableName: 'table', Item: { pk: 'a', gsi: 'g', version: 1 } }));
  const transaction = (expectedVersion: number) =>
    new TransactWriteCommand({
      TransactItems: [
        {
          Update: {
            TableName: 'table',
            Key: { pk: 'a' },
            UpdateExpression: 'SET version = :next',
            ConditionExpression: 'version = :expected',
            ExpressionAttributeValues: { ':next': expectedVersion + 1, ':expected': expectedVersion },
          },
        },
        { Put: { TableName: 'table', Item: { pk: `outbox-${expectedVersion}`, gsi: 'g' } } },
      ],
    });
  await client.send(transaction(1));
  await assert.rejects(client.send(transaction(1)), { name: 'TransactionCanceledException' });
  const { Items } = await client.send(
    new QueryCommand({
      TableName: 'table',
      IndexName: 'byGsi',
      KeyConditionExpression: 'gsi = :g',
      ExpressionAttributeValues: { ':g': 'g' },
    }),
  );
  assert.deepEqual(Items?.map((item) => String(item['pk'])).sort(), ['a', 'outbox-1']);
});
