/** Deployments in the table: the row, its events below it, what its member has at the site, one record per idempotency key. */
import {
  type Deployment,
  type DeploymentEvent,
  deploymentEventSchema,
  deploymentSchema,
  isOutcome,
  isTerminal,
} from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { consumedByDeployment } from '../consumption.ts';
import type { Member } from '../http/identity.ts';
import type { DeploymentStore, IdempotencyKey, OutboxEntry, UnsettledDeployment, Usage } from '../ports.ts';
import { retryConflict } from '../retry-conflict.ts';
import { addedBy, hasLimits, requireRoom, shareOf } from '../site-quota.ts';
import { beginOn } from './dynamodb-begun.ts';
import { countConsumption, runningWrites } from './dynamodb-consumption.ts';
import { askerWrites, findAsker } from './dynamodb-askers.ts';
import { endWrites, listEndsDue } from './dynamodb-deployment-ends.ts';
import { commitOnce, findMade, madeRow } from './dynamodb-idempotency.ts';
import { outboxWrite } from './dynamodb-outbox.ts';
import { ConditionRefused, type Item, type Table, type Write } from './dynamodb-table.ts';
import { unsettledAttributes } from './dynamodb-unsettled.ts';
import { beginAtSite, endAtSite, listAtSite } from './dynamodb-site-deployments.ts';
import { countUsage, readUsage } from './dynamodb-usage.ts';
import { beginUse, closedError, endUse } from './dynamodb-version-uses.ts';

const PAGE_EVENTS = 1000;

const rowKey = (deploymentId: string) => ({ pk: `DEPLOYMENT#${deploymentId}`, sk: 'DEPLOYMENT' });
const eventSk = (sequence: number): string => `EVENT#${String(sequence).padStart(10, '0')}`;

const unsettledSchema = deploymentSchema.pick({ deploymentId: true, siteId: true, announcedAt: true });

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
    quota: Quota = {},
    asker?: Member,
  ): Promise<Deployment> {
    const writes = [
      ...beginUse(this.#table, deployment),
      this.#table.put(this.#row(deployment), 'attribute_not_exists(pk)'),
      ...this.#asker(deployment, asker),
      this.#event(event),
      ...countUsage(this.#table, deployment, shareOf(deployment), quota),
      beginAtSite(this.#table, deployment),
      beginOn(this.#table, { subject: 'deployment', id: deployment.deploymentId }, deployment.createdAt),
      ...endWrites(this.#table, undefined, deployment),
      ...outbox.map((entry) => outboxWrite(this.#table, entry)),
    ];
    // Whoever is refused, or comes to nothing among many, looks again: where no room is left, that is the end of it.
    return retryConflict(
      () => this.#unlessThereIsRoom(deployment, idempotencyKey, quota),
      async (earlier) => earlier ?? (await this.#commit(writes, deployment, idempotencyKey)),
    );
  }

  /** The deployment that the key has made before, where no room is left. Throws QUOTA_EXCEEDED, IDEMPOTENCY_MISMATCH. */
  async #unlessThereIsRoom(
    deployment: Deployment,
    key: IdempotencyKey | undefined,
    quota: Quota,
  ): Promise<Deployment | undefined> {
    if (!hasLimits(quota)) return undefined;
    const taken = await readUsage(this.#table, deployment);
    try {
      requireRoom(deployment, shareOf(deployment), taken, quota);
      return undefined;
    } catch (error) {
      const earlier = key && (await this.findMade(key, deployment.createdAt));
      if (earlier === undefined) throw error;
      return earlier;
    }
  }

  /** Throws IMAGE_RECALLED and NOT_FOUND where the version's gate is closed; CONFLICT where the room has just been taken, too. */
  async #commit(writes: Write[], deployment: Deployment, key: IdempotencyKey | undefined): Promise<Deployment> {
    const { deploymentId, createdAt } = deployment;
    try {
      const madeId = await commitOnce(this.#table, writes, deploymentId, createdAt, key);
      return madeId === deploymentId ? deployment : await madeRow(madeId, (id) => this.find(id));
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      if (error.positions.includes(0)) throw await closedError(this.#table, deployment, deploymentId);
      throw new EdgebootError('CONFLICT', 'others took their share at the same time', { cause: error });
    }
  }

  async findMade(key: IdempotencyKey, now: string): Promise<Deployment | undefined> {
    return findMade(this.#table, key, now, (id) => this.find(id));
  }

  async usage(memberId: string, siteId: string): Promise<Usage> {
    return readUsage(this.#table, { memberId, siteId });
  }

  async find(deploymentId: string): Promise<Deployment | undefined> {
    const item = await this.#table.get(rowKey(deploymentId));
    return item && deploymentSchema.parse(item);
  }

  async findAsker(deploymentId: string): Promise<Member | undefined> {
    return findAsker(this.#table, rowKey(deploymentId).pk);
  }

  async replace(
    before: Deployment,
    after: Deployment,
    event: DeploymentEvent | undefined,
    outbox: readonly OutboxEntry[],
    quota: Quota = {},
    asker?: Member,
  ): Promise<void> {
    const ends = isTerminal(after.phase) && !isTerminal(before.phase);
    try {
      await this.#table.transact([
        this.#table.putOver(this.#row(after), before.version),
        ...this.#asker(after, asker),
        ...countUsage(this.#table, before, addedBy(shareOf(before), shareOf(after)), quota),
        ...(ends ? [endAtSite(this.#table, before), ...endUse(this.#table, before)] : []),
        ...endWrites(this.#table, before, after),
        ...(event ? [this.#event(event)] : []),
        ...countConsumption(this.#table, after, consumedByDeployment(before, after)),
        ...runningWrites(this.#table, before, after),
        ...outbox.map((entry) => outboxWrite(this.#table, entry)),
      ]);
    } catch (error) {
      if (!(error instanceof ConditionRefused)) throw error;
      throw new EdgebootError(
        'CONFLICT',
        'the deployment, or what its member has there, was changed at the same time',
        {
          cause: error,
        },
      );
    }
  }

  async listByMember(memberId: string, before: string | undefined, limit: number): Promise<readonly Deployment[]> {
    const items = await this.#table.listNewest(`DEPLOYMENTS#${memberId}`, before, limit);
    return items.map((item) => deploymentSchema.parse(item));
  }

  async listAtSite(siteId: string, before: string | undefined, limit: number): Promise<readonly string[]> {
    return listAtSite(this.#table, siteId, before, limit);
  }

  async listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const items = await this.#table.listUnsettled('deployment', stoodSince, limit);
    return items.map((item) => unsettledSchema.parse(item));
  }

  async listEndsDue(now: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    return listEndsDue(this.#table, now, limit);
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
      ...(!isOutcome(deployment) && unsettledAttributes('deployment', deployment)),
      ...deployment,
    };
  }

  #asker({ deploymentId }: Deployment, asker: Member | undefined): Write[] {
    return askerWrites(this.#table, rowKey(deploymentId).pk, asker);
  }

  #event(event: DeploymentEvent): Write {
    return this.#table.put({ pk: rowKey(event.deploymentId).pk, sk: eventSk(event.sequence), ...event });
  }
}
