/** Sites in the table: the site, its agent's key, its last heartbeat, and the digest of each enrollment token. */
import { type Capacity, siteSchema } from '#shared/api.ts';
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';
import type { AgentKey, OutboxEntry, SiteRecord, SiteStore } from '../ports.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Table } from './dynamodb-table.ts';

const siteKey = (siteId: string) => ({ pk: `SITE#${siteId}`, sk: 'SITE' });
const agentKey = (siteId: string) => ({ pk: `SITE#${siteId}`, sk: 'AGENT' });
const tokenKey = (sha256: string) => ({ pk: `ENROLLMENT#${sha256}`, sk: 'ENROLLMENT' });

const siteItem = siteSchema.extend({ queueUrl: z.url(), queueArn: z.string(), egressAddress: z.ipv4().optional() });

export class DynamoDbSiteStore implements SiteStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async register(
    site: SiteRecord,
    token: { readonly sha256: string; readonly expiresAt: string },
    outbox: readonly OutboxEntry[],
  ): Promise<void> {
    await this.#table.transact([
      this.#table.put({ ...siteKey(site.siteId), listPk: 'SITES', listSk: site.siteId, ...site }),
      this.#table.put({
        ...tokenKey(token.sha256),
        siteId: site.siteId,
        tokenExpiresAt: token.expiresAt,
        expiresAt: Math.floor(Date.parse(token.expiresAt) / 1000),
      }),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ]);
  }

  async find(siteId: string): Promise<SiteRecord | undefined> {
    const item = await this.#table.get(siteKey(siteId));
    return item && siteItem.parse(item);
  }

  async list(): Promise<readonly SiteRecord[]> {
    return (await this.#table.listUnder('SITES')).map((item) => siteItem.parse(item));
  }

  async enroll(key: AgentKey, tokenSha256: string, now: string, outbox: readonly OutboxEntry[]): Promise<void> {
    const useToken = {
      Update: {
        TableName: this.#table.name,
        Key: tokenKey(tokenSha256),
        UpdateExpression: 'SET usedAt = :now',
        ConditionExpression: 'siteId = :site AND attribute_not_exists(usedAt) AND tokenExpiresAt > :now',
        ExpressionAttributeValues: { ':now': now, ':site': key.siteId },
      },
    };
    try {
      await this.#table.transact([
        useToken,
        this.#table.put({ ...agentKey(key.siteId), ...key, enrolledAt: now }),
        this.#update(key.siteId, 'SET enrolled = :true', { ':true': true }),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('FORBIDDEN', 'the enrollment token is unknown, used or expired', {
        remedy: 'Ask the federation operator for a new one: edgeboot site register.',
      });
    }
  }

  async findAgentKey(siteId: string): Promise<AgentKey | undefined> {
    const item = await this.#table.get(agentKey(siteId));
    return item && z.object({ siteId: z.string(), publicKeyPem: z.string() }).parse(item);
  }

  async recordHeartbeat(siteId: string, lastSeen: string, free: Capacity, agentVersion: string): Promise<void> {
    await this.#table.transact([
      this.#update(
        siteId,
        'SET lastSeen = :lastSeen, #free = :free, agentVersion = :agentVersion',
        { ':lastSeen': lastSeen, ':free': free, ':agentVersion': agentVersion },
        // A reserved word.
        { '#free': 'free' },
      ),
    ]);
  }

  #update(siteId: string, expression: string, values: Item, names?: Record<string, string>) {
    return {
      Update: {
        TableName: this.#table.name,
        Key: siteKey(siteId),
        UpdateExpression: expression,
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: values,
        ...(names && { ExpressionAttributeNames: names }),
      },
    };
  }
}
