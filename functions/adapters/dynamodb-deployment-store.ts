/** Deployments in the table: the row, its events below it, and one record per idempotency key. */
import {
  type Deployment,
  type DeploymentEvent,
  deploymentEventSchema,
  deploymentSchema,
  isOutcome,
} from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { DeploymentStore, IdempotencyKey, OutboxEntry, UnsettledDeployment } from '../ports.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Table, UNSETTLED, type Write } from './dynamodb-table.ts';

/** An idempotency key is remembered for a day. */
const IDEMPOTENCY_SECONDS = 24 * 3600;
const PAGE_EVENTS = 1000;

const rowKey = (deploymentId: string) => ({ pk: `DEPLOYMENT#${deploymentId}`, sk: 'DEPLOYMENT' });
const idempotencyKeyOf = (key: IdempotencyKey) => ({ pk: `IDEMPOTENCY#${key.memberId}#${key.key}`, sk: 'IDEMPOTENCY' });
const eventSk = (sequence: number): string => `EVENT#${String(sequence).padStart(10, '0')}`;

const unsettledSchema = deploymentSchema.pick({ deploymentId: true, siteId: true });

export class DynamoDbDeploymentStore implements DeploymentStore {
  readonly #table: Table;
  constructor(table: Table) {
    this.#table = table;
  }

  async create(
    deployment: Deployment,
    event: DeploymentEvent,
    outbox: readonly OutboxEntry[],
    idempotencyKey: IdempotencyKey | undefined,
  ): Promise<Deployment> {
    const writes = [
      this.#table.put(this.#row(deployment), 'attribute_not_exists(pk)'),
      this.#event(event),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ];
    if (idempotencyKey === undefined) {
      await this.#table.transact(writes);
      return deployment;
    }
    const { requestSha256 } = idempotencyKey;
    const now = Math.floor(Date.parse(deployment.createdAt) / 1000);
    const record = {
      ...idempotencyKeyOf(idempotencyKey),
      requestSha256,
      deploymentId: deployment.deploymentId,
      expiresAt: now + IDEMPOTENCY_SECONDS,
    };
    // A row that TTL has not removed yet counts as expired.
    writes.push(this.#table.put(record, 'attribute_not_exists(pk) OR expiresAt < :now', { ':now': now }));
    try {
      await this.#table.transact(writes);
      return deployment;
    } catch (error) {
      if (error instanceof ConditionRefused) return this.#replay(idempotencyKey);
      throw error;
    }
  }

  async #replay(idempotencyKey: IdempotencyKey): Promise<Deployment> {
    const record = await this.#table.get(idempotencyKeyOf(idempotencyKey));
    if (record?.['requestSha256'] !== idempotencyKey.requestSha256) {
      throw new EdgebootError('IDEMPOTENCY_MISMATCH', 'this Idempotency-Key was used for a different request');
    }
    const earlier = await this.find(String(record['deploymentId']));
    if (earlier === undefined) throw new Error('an idempotency record points at no deployment');
    return earlier;
  }

  async find(deploymentId: string): Promise<Deployment | undefined> {
    const item = await this.#table.get(rowKey(deploymentId));
    return item && deploymentSchema.parse(item);
  }

  async replace(
    before: Deployment,
    after: Deployment,
    event: DeploymentEvent | undefined,
    outbox: readonly OutboxEntry[],
  ): Promise<void> {
    const row = this.#table.put(this.#row(after), '#version = :before', { ':before': before.version });
    if (row.Put) row.Put.ExpressionAttributeNames = { '#version': 'version' };
    try {
      await this.#table.transact([
        row,
        ...(event ? [this.#event(event)] : []),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError('CONFLICT', 'the deployment was changed at the same time', { cause: error });
    }
  }

  async listByMember(memberId: string, before: string | undefined, limit: number): Promise<readonly Deployment[]> {
    const items = await this.#table.listNewest(`DEPLOYMENTS#${memberId}`, before, limit);
    return items.map((item) => deploymentSchema.parse(item));
  }

  async listUnsettled(unchangedSince: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const items = await this.#table.listUnsettled(unchangedSince, limit);
    return items.map((item) => unsettledSchema.parse(item));
  }

  async eventsAfter(deploymentId: string, sequence: number): Promise<readonly DeploymentEvent[]> {
    // Nothing sorts behind the events.
    const items = await this.#table.queryAfter(rowKey(deploymentId).pk, eventSk(sequence), PAGE_EVENTS);
    return items.map((item) => deploymentEventSchema.parse(item));
  }

  #row(deployment: Deployment): Item & { pk: string; sk: string } {
    return {
      ...rowKey(deployment.deploymentId),
      listPk: `DEPLOYMENTS#${deployment.memberId}`,
      listSk: deployment.deploymentId,
      // Sparse: only rows with this attribute are in the index.
      ...(!isOutcome(deployment.phase, deployment.desired) && { unsettled: UNSETTLED }),
      ...deployment,
    };
  }

  #event(event: DeploymentEvent): Write {
    return this.#table.put({ pk: rowKey(event.deploymentId).pk, sk: eventSk(event.sequence), ...event });
  }
}
