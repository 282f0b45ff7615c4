/** The stack's table on a real DynamoDB engine, on loopback. */
import { readFile } from 'node:fs/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { parse } from 'yaml';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { startDynamoDb } from '../../local/aws/dynamodb.ts';

export interface StackTable extends AsyncDisposable {
  readonly client: DynamoDBClient;
  readonly table: Table;
}

export async function startStackTable(config: DynamoDBClientConfig = {}): Promise<StackTable> {
  await using undo = new AsyncDisposableStack();
  const database = undo.adopt(await startDynamoDb({ log: () => undefined }), (server) => server.close());
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ endpoint: database.endpoint, region: 'us-east-1', credentials, ...config });
  undo.defer(() => client.destroy());
  await client.send(new CreateTableCommand({ ...(await tableOfTheStack()), TableName: 'stack' }));
  const held = undo.move();
  return { client, table: new Table('stack', client), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Keys and indexes as the stack declares them; what only AWS knows about is left out. */
async function tableOfTheStack(): Promise<Omit<CreateTableCommandInput, 'TableName'>> {
  const text = await readFile(new URL('../../stack/storage.yml', import.meta.url), 'utf8');
  const stack = parse(text, { logLevel: 'silent' }) as {
    Resources: { Table: { Properties: CreateTableCommandInput } };
  };
  const { BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = stack.Resources.Table.Properties;
  return { BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes };
}
