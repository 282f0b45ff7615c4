/** Deployments in the table: the row, its events below it, and one record per idempotency key. */
import {
  type Deployment,
  type DeploymentEvent,
  deploymentEventSchema,
  deploymentSchema,
  isOutcome,
  isTerminal,
} from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { consumedByDeployment } from '../consumption.ts';
import type { DeploymentStore, IdempotencyKey, OutboxEntry, UnsettledDeployment } from '../ports.ts';
import { countConsumption } from './dynamodb-consumption.ts';
import { commitOnce } from './dynamodb-idempotency.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Table, UNSETTLED, type Write } from './dynamodb-table.ts';
import { beginUse, closedError, endUse } from './dynamodb-version-uses.ts';

const PAGE_EVENTS = 1000;

const rowKey = (deploymentId: string) => ({ pk: `DEPLOYMENT#${deploymentId}`, sk: 'DEPLOYMENT' });
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
      ...beginUse(this.#table, deployment),
      this.#table.put(this.#row(deployment), 'attribute_not_exists(pk)'),
      this.#event(event),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ];
    const { deploymentId, createdAt } = deployment;
    const committed = commitOnce(this.#table, writes, deploymentId, createdAt, idempotencyKey);
    const madeId = await committed.catch(async (error: unknown) => {
      if (!(error instanceof ConditionRefused && error.positions.includes(0))) throw error;
      throw await closedError(this.#table, deployment, deploymentId);
    });
    if (madeId === deploymentId) return deployment;
    const earlier = await this.find(madeId);
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
    try {
      await this.#table.transact([
        this.#table.putOver(this.#row(after), before.version),
        ...(event ? [this.#event(event)] : []),
        ...(isTerminal(after.phase) && !isTerminal(before.phase) ? endUse(this.#table, before) : []),
        ...countConsumption(this.#table, after, consumedByDeployment(before, after)),
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
    const items = await this.#table.listUnsettled('deployment', unchangedSince, limit);
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
      ...(!isOutcome(deployment.phase, deployment.desired) && { unsettled: UNSETTLED.deployment }),
      ...deployment,
    };
  }

  #event(event: DeploymentEvent): Write {
    return this.#table.put({ pk: rowKey(event.deploymentId).pk, sk: eventSk(event.sequence), ...event });
  }
}
