/** The one table, as the stores see it: keys, conditional transactions, and errors in our words. */
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { EdgebootError } from '#shared/errors.ts';

export type Item = Record<string, unknown>;
export type Write = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Which of a transaction's writes had its condition refused, by position; thrown by `transact`. */
export class ConditionRefused extends Error {
  readonly positions: readonly number[];
  constructor(positions: readonly number[]) {
    super(`condition refused for write ${positions.join(', ')}`);
    this.positions = positions;
  }
}

export class Table {
  readonly name: string;
  readonly #client: DynamoDBDocumentClient;

  constructor(name: string, client = new DynamoDBClient({})) {
    this.name = name;
    this.#client = DynamoDBDocumentClient.from(client, {
      marshallOptions: { removeUndefinedValues: true },
    });
  }

  /** Strongly consistent: a decision is never taken on an old row. */
  async get(key: Key): Promise<Item | undefined> {
    const answer = await this.#call(() =>
      this.#client.send(new GetCommand({ TableName: this.name, Key: key, ConsistentRead: true })),
    );
    return answer.Item;
  }

  /** All items of a partition whose sort key begins with `prefix`, in the order of the key. */
  async queryPrefix(pk: string, prefix: string): Promise<Item[]> {
    return this.#query({
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': pk, ':prefix': prefix },
      ConsistentRead: true,
    });
  }

  /** Items of a partition with `sk` in (after, before). */
  async queryBetween(pk: string, after: string, before: string, limit: number): Promise<Item[]> {
    return this.#query(
      {
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :after AND :before',
        ExpressionAttributeValues: { ':pk': pk, ':after': after, ':before': before },
        ConsistentRead: true,
      },
      limit,
    );
  }

  /** Items of the listing index under one heading. */
  async listUnder(heading: string, newestFirst = false): Promise<Item[]> {
    return this.#query({
      IndexName: 'listing',
      KeyConditionExpression: 'listPk = :heading',
      ExpressionAttributeValues: { ':heading': heading },
      ScanIndexForward: !newestFirst,
    });
  }

  /** All or nothing. Throws ConditionRefused; CONFLICT where another transaction was in the way. */
  async transact(writes: Write[]): Promise<void> {
    try {
      await this.#call(() => this.#client.send(new TransactWriteCommand({ TransactItems: writes })));
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw new ConditionRefused([0]);
      if (!(error instanceof TransactionCanceledException)) throw error;
      const reasons = error.CancellationReasons ?? [];
      const refused = reasons.flatMap((reason, i) => (reason.Code === 'ConditionalCheckFailed' ? [i] : []));
      if (refused.length > 0) throw new ConditionRefused(refused);
      if (!reasons.some((reason) => reason.Code === 'TransactionConflict')) throw error;
      throw new EdgebootError('CONFLICT', 'another change of the same item was under way', { cause: error });
    }
  }

  put(item: Item & Key, condition?: string, values?: Item): Write {
    return {
      Put: {
        TableName: this.name,
        Item: item,
        ...(condition && { ConditionExpression: condition }),
        ...(values && { ExpressionAttributeValues: values }),
      },
    };
  }

  remove(key: Key): Write {
    return { Delete: { TableName: this.name, Key: key } };
  }

  async #query(input: Omit<QueryCommandInput, 'TableName'>, limit = Infinity): Promise<Item[]> {
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const page = await this.#call(() =>
        this.#client.send(
          new QueryCommand({
            TableName: this.name,
            ...input,
            ...(start && { ExclusiveStartKey: start }),
            ...(Number.isFinite(limit) && { Limit: limit - items.length }),
          }),
        ),
      );
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start !== undefined && items.length < limit);
    return items;
  }

  /** The SDK has retried already: what is still throttled is the caller's to put off. */
  async #call<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      const name = (error as Error).name;
      if (
        /Throttl|ProvisionedThroughputExceeded|RequestLimitExceeded|ServiceUnavailable|InternalServerError/.test(name)
      ) {
        throw new EdgebootError('SERVICE_UNAVAILABLE', 'the store is busy', { cause: error });
      }
      throw error;
    }
  }
}
