/** The one table, as the stores see it: keys, conditional transactions, and errors in our words. */
import { setTimeout } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  paginateScan,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { UNSETTLED } from './dynamodb-unsettled.ts';

export type Item = Record<string, unknown>;
export type Write = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** Transactions on one item refuse each other instead of waiting: so do we, for some milliseconds. */
const MAX_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 20;

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
    return this.#read(key, true);
  }

  /** What was there a moment ago, for half the price: where a condition decides, and this says what to try. */
  async glance(key: Key): Promise<Item | undefined> {
    return this.#read(key, false);
  }

  async #read(key: Key, isConsistent: boolean): Promise<Item | undefined> {
    const answer = await this.#call(() =>
      this.#client.send(new GetCommand({ TableName: this.name, Key: key, ConsistentRead: isConsistent })),
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

  /** Items of a partition in the order of their sort keys, those after this one, or all. */
  async queryAfter(pk: string, after: string | undefined, limit: number): Promise<Item[]> {
    return this.#query(
      {
        KeyConditionExpression: after === undefined ? 'pk = :pk' : 'pk = :pk AND sk > :after',
        ExpressionAttributeValues: { ':pk': pk, ...(after !== undefined && { ':after': after }) },
        ConsistentRead: true,
      },
      limit,
    );
  }

  /** Items of a partition from the end of its order on, beginning before `before`. */
  async queryNewest(pk: string, before: string | undefined, limit: number): Promise<Item[]> {
    return this.#query(
      {
        KeyConditionExpression: before === undefined ? 'pk = :pk' : 'pk = :pk AND sk < :before',
        ExpressionAttributeValues: { ':pk': pk, ...(before !== undefined && { ':before': before }) },
        ScanIndexForward: false,
        ConsistentRead: true,
      },
      limit,
    );
  }

  /** Items of the listing index under one heading. */
  async listUnder(heading: string): Promise<Item[]> {
    return this.#query({
      IndexName: 'listing',
      KeyConditionExpression: 'listPk = :heading',
      ExpressionAttributeValues: { ':heading': heading },
    });
  }

  /** The same from the end of its order on, beginning before `before`. */
  async listNewest(heading: string, before: string | undefined, limit: number): Promise<Item[]> {
    return this.#query(
      {
        IndexName: 'listing',
        KeyConditionExpression: before === undefined ? 'listPk = :heading' : 'listPk = :heading AND listSk < :before',
        ExpressionAttributeValues: { ':heading': heading, ...(before !== undefined && { ':before': before }) },
        ScanIndexForward: false,
      },
      limit,
    );
  }

  /** What the index has of the rows of one kind that have the attribute `unsettled`, oldest `touchedAt` first. */
  async listUnsettled(kind: keyof typeof UNSETTLED, touchedBefore: string, limit: number): Promise<Item[]> {
    return this.#query(
      {
        IndexName: 'unsettled',
        KeyConditionExpression: 'unsettled = :unsettled AND touchedAt < :before',
        ExpressionAttributeValues: { ':unsettled': UNSETTLED[kind], ':before': touchedBefore },
      },
      limit,
    );
  }

  /** Items of all partitions whose key begins so. Reads the whole table, and pays for it: for repairs. */
  async scanFor(pkPrefix: string): Promise<Item[]> {
    const items: Item[] = [];
    const request = {
      TableName: this.name,
      FilterExpression: 'begins_with(pk, :prefix)',
      ExpressionAttributeValues: { ':prefix': pkPrefix },
      ConsistentRead: true,
    };
    for await (const page of paginateScan({ client: this.#client }, request)) items.push(...(page.Items ?? []));
    return items;
  }

  /** One update. False where its condition was refused. */
  async update(input: Omit<NonNullable<Write['Update']>, 'TableName'>): Promise<boolean> {
    try {
      await this.transact([{ Update: { TableName: this.name, ...input } }]);
      return true;
    } catch (error) {
      if (error instanceof ConditionRefused) return false;
      throw error;
    }
  }

  /**
   * All or nothing. A single write is sent as what it is: that costs half of a transaction. Throws ConditionRefused; CONFLICT where
   * other transactions were in the way each time. Where the answer is lost, the SDK sends a single write again, and its condition may be
   * refused by what it did itself: a condition on a version says so as if somebody else had been faster.
   */
  async transact(writes: Write[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#transactOnce(writes);
        return;
      } catch (error) {
        if (!hasCode(error, 'CONFLICT') || attempt === MAX_ATTEMPTS) throw error;
        await setTimeout(Math.random() * FIRST_PAUSE_MS * 2 ** attempt);
      }
    }
  }

  async #transactOnce(writes: Write[]): Promise<void> {
    try {
      await this.#call(() => this.#send(writes));
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw new ConditionRefused([0]);
      if (error instanceof TransactionConflictException) throw conflict(error);
      if (!(error instanceof TransactionCanceledException)) throw error;
      const reasons = error.CancellationReasons ?? [];
      const refused = reasons.flatMap((reason, i) => (reason.Code === 'ConditionalCheckFailed' ? [i] : []));
      if (refused.length > 0) throw new ConditionRefused(refused);
      if (!reasons.some((reason) => reason.Code === 'TransactionConflict')) throw error;
      throw conflict(error);
    }
  }

  async #send(writes: Write[]): Promise<unknown> {
    const [{ Put, Update, Delete } = {}, ...others] = writes;
    if (others.length > 0) return this.#client.send(new TransactWriteCommand({ TransactItems: writes }));
    if (Put) return this.#client.send(new PutCommand(Put));
    if (Update) return this.#client.send(new UpdateCommand(Update));
    if (Delete) return this.#client.send(new DeleteCommand(Delete));
    return this.#client.send(new TransactWriteCommand({ TransactItems: writes }));
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

  /** Replaces an item whose attribute `version` is still the given one. */
  putOver(item: Item & Key, version: number): Write {
    return {
      Put: {
        TableName: this.name,
        Item: item,
        ConditionExpression: '#version = :version',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':version': version },
      },
    };
  }

  /**
   * Sets attributes of an item and leaves the others as they are; makes the item where there is none. An attribute of `always`
   * that is undefined is removed; one of `once` keeps the value that it has.
   */
  merge(key: Key, always: Item, once: Item = {}, condition?: string): Write {
    const all = Object.entries({ ...always, ...once });
    const given = all.filter(([, value]) => value !== undefined);
    const gone = all.filter(([, value]) => value === undefined).map(([name]) => `#${name}`);
    const set = given.map(([name]) => `#${name} = ${name in once ? `if_not_exists(#${name}, :${name})` : `:${name}`}`);
    return {
      Update: {
        TableName: this.name,
        Key: key,
        UpdateExpression: [clause('SET', set), clause('REMOVE', gone)].join(''),
        ExpressionAttributeNames: Object.fromEntries(all.map(([name]) => [`#${name}`, name])),
        ...(given.length > 0 && {
          ExpressionAttributeValues: Object.fromEntries(given.map(([name, value]) => [`:${name}`, value])),
        }),
        ...(condition && { ConditionExpression: condition }),
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

/** As `expiresAt` has it, by which DynamoDB removes rows. @param time ISO 8601 */
export const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000);

const conflict = (cause: Error): EdgebootError =>
  new EdgebootError('CONFLICT', 'another change of the same item was under way', { cause });

/** Of an update expression; empty where it would do nothing. */
const clause = (verb: 'SET' | 'REMOVE', parts: readonly string[]): string =>
  parts.length > 0 ? `${verb} ${parts.join(', ')} ` : '';
