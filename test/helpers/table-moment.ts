/** A table as it is now, to be put back later: what point-in-time recovery is to AWS, for the database of the embedded cloud. */
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  paginateScan,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';

type Item = Record<string, AttributeValue>;

export interface TableMoment {
  /**
   * The table is what it was, and nothing else.
   * @param ageSeconds for how long nothing has happened by then: rows seem to be that much older.
   */
  putBack(ageSeconds?: number): Promise<void>;
}

export async function rememberTable(client: DynamoDBClient, TableName: string): Promise<TableMoment> {
  const readAll = async (): Promise<Item[]> => {
    const items: Item[] = [];
    for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
      items.push(...(page.Items ?? []));
    }
    return items;
  };
  const remembered = await readAll();
  return {
    async putBack(ageSeconds = 0) {
      for (const { pk, sk } of await readAll()) {
        if (pk && sk) await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }));
      }
      for (const item of remembered) {
        await client.send(new PutItemCommand({ TableName, Item: olderBy(ageSeconds, item) }));
      }
    },
  };
}

const MOMENTS = ['updatedAt', 'progressedAt', 'announcedAt', 'touchedAt'];

function olderBy(seconds: number, item: Item): Item {
  const older = { ...item };
  for (const name of MOMENTS) {
    const at = item[name]?.S;
    if (at !== undefined) older[name] = { S: new Date(Date.parse(at) - seconds * 1000).toISOString() };
  }
  return older;
}
