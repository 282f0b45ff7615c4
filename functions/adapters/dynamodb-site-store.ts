/** Sites in the table: the site with its last heartbeat and the digest of its enrollment token, and its agent's key. */
import { type Heartbeat } from '#shared/api/agents.ts';
import { cachedImageSchema, siteSchema } from '#shared/api/sites.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type SiteAccess, siteAccessSchema } from '#shared/site-access.ts';
import * as z from 'zod';
import type { AgentKey, IdempotencyKey, OutboxEntry, SiteRecord, SiteSettings, SiteStore } from '../ports.ts';
import { commitOnce, findMadeId } from './dynamodb-idempotency.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Table } from './dynamodb-table.ts';

const siteKey = (siteId: string) => ({ pk: `SITE#${siteId}`, sk: 'SITE' });
const agentKey = (siteId: string) => ({ pk: `SITE#${siteId}`, sk: 'AGENT' });

const siteItem = siteSchema.extend({
  ...{ queueUrl: z.url(), queueArn: z.string(), egressAddress: z.ipv4().optional() },
  access: siteAccessSchema,
  cached: z.array(cachedImageSchema).optional(),
});

export class DynamoDbSiteStore implements SiteStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async register(
    site: SiteSettings,
    token: { readonly sha256: string; readonly expiresAt: string },
    outbox: readonly OutboxEntry[],
    once?: { readonly registrationId: string; readonly idempotencyKey: IdempotencyKey },
  ): Promise<string | undefined> {
    const { siteId, displayName, operatorGroups, queueUrl, queueArn, egressAddress, createdAt, access } = site;
    const atFirst = { createdAt, enrolled: false, access, ...(operatorGroups === undefined && { operatorGroups: [] }) };
    const always = {
      ...{ siteId, displayName, queueUrl, queueArn, egressAddress },
      ...(operatorGroups && { operatorGroups }),
      listPk: 'SITES',
      listSk: siteId,
      tokenSha256: token.sha256,
      tokenExpiresAt: token.expiresAt,
    };
    const writes = [
      this.#table.merge(siteKey(siteId), always, atFirst),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ];
    const { registrationId = '', idempotencyKey } = once ?? {};
    const made = await commitOnce(this.#table, writes, registrationId, createdAt, idempotencyKey);
    return made === registrationId ? undefined : made;
  }

  findRegistration(idempotencyKey: IdempotencyKey, now: string): Promise<string | undefined> {
    return findMadeId(this.#table, idempotencyKey, now);
  }

  async find(siteId: string): Promise<SiteRecord | undefined> {
    const item = await this.#table.get(siteKey(siteId));
    return item && siteItem.parse(item);
  }

  async list(): Promise<readonly SiteRecord[]> {
    return (await this.#table.listUnder('SITES')).map((item) => siteItem.parse(item));
  }

  async setDraining(siteId: string, since: string | undefined, outbox: readonly OutboxEntry[]): Promise<void> {
    await this.#changeExisting(siteId, { drainingSince: since }, outbox);
  }

  async setAccess(siteId: string, access: SiteAccess, outbox: readonly OutboxEntry[]): Promise<void> {
    const replace = {
      Update: {
        TableName: this.#table.name,
        Key: siteKey(siteId),
        UpdateExpression: 'SET #access = :access',
        ConditionExpression: '#access.#version = :before',
        ExpressionAttributeNames: { '#access': 'access', '#version': 'version' },
        ExpressionAttributeValues: { ':access': access, ':before': access.version - 1 },
      },
    };
    try {
      await this.#table.transact([replace, ...outbox.map((entry) => outboxWrite(this.#table, entry))]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError(
        'CONFLICT',
        `the grants of ${siteId} are not those of version ${access.version - 1} any more`,
        {
          remedy: `See what they are now: edgeboot site grants ${siteId}.`,
          cause: error,
        },
      );
    }
  }

  async enroll(key: AgentKey, tokenSha256: string, now: string, outbox: readonly OutboxEntry[]): Promise<boolean> {
    const useToken = {
      Update: {
        TableName: this.#table.name,
        Key: siteKey(key.siteId),
        UpdateExpression: 'SET enrolled = :true REMOVE tokenSha256, tokenExpiresAt',
        ConditionExpression: 'tokenSha256 = :sha256 AND tokenExpiresAt > :now',
        ExpressionAttributeValues: { ':true': true, ':sha256': tokenSha256, ':now': now },
      },
    };
    try {
      await this.#table.transact([
        useToken,
        this.#table.put({ ...agentKey(key.siteId), ...key, enrolledAt: now, usedTokenSha256: tokenSha256 }),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
      return true;
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      const enrolled = await this.#table.get(agentKey(key.siteId));
      const isRepeated = enrolled?.['usedTokenSha256'] === tokenSha256 && enrolled['publicKeyPem'] === key.publicKeyPem;
      if (isRepeated) return false;
      throw new EdgebootError('FORBIDDEN', 'the enrollment token is unknown, used, replaced or expired', {
        remedy: 'Ask the federation operator for a new one: edgeboot site register.',
      });
    }
  }

  async findAgentKey(siteId: string): Promise<AgentKey | undefined> {
    const item = await this.#table.get(agentKey(siteId));
    return item && z.object({ siteId: z.string(), publicKeyPem: z.string() }).parse(item);
  }

  async recordHeartbeat(siteId: string, lastSeen: string, said: Heartbeat): Promise<void> {
    await this.#changeExisting(siteId, { lastSeen, enrolled: true, ...said }, []);
  }

  async #changeExisting(siteId: string, changes: Item, outbox: readonly OutboxEntry[]): Promise<void> {
    try {
      await this.#table.transact([
        this.#table.merge(siteKey(siteId), changes, {}, 'attribute_exists(pk)'),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('NOT_FOUND', `there is no site ${siteId}`);
    }
  }
}
