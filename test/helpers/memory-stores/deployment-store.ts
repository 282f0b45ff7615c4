/** Deployments in memory. */
import { type Deployment, type DeploymentEvent, isOutcome, isTerminal } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { endDueAt } from '../../../functions/deployment-end.ts';
import type { Member } from '../../../functions/http/identity.ts';
import type {
  DeploymentStore,
  IdempotencyKey,
  OutboxEntry,
  UnsettledDeployment,
  Usage,
} from '../../../functions/ports.ts';
import { addedBy, requireRoom, shareOf, usageOf } from '../../../functions/site-quota.ts';
import type { MemoryOutbox } from './outbox.ts';
import type { MemoryIdempotencyKeys } from './idempotency-keys.ts';
import type { MemoryVersionUses } from './version-uses.ts';
import { standingLongest } from './standing-longest.ts';

export class MemoryDeploymentStore implements DeploymentStore {
  readonly #rows = new Map<string, Deployment>();
  readonly #askers = new Map<string, Member>();
  readonly #events: DeploymentEvent[] = [];
  readonly #keys: MemoryIdempotencyKeys;
  readonly #outbox: MemoryOutbox;
  readonly #uses: MemoryVersionUses;

  constructor(outbox: MemoryOutbox, keys: MemoryIdempotencyKeys, uses: MemoryVersionUses) {
    this.#outbox = outbox;
    this.#keys = keys;
    this.#uses = uses;
  }

  async create(
    deployment: Deployment,
    event: DeploymentEvent,
    outbox: readonly OutboxEntry[],
    key: IdempotencyKey | undefined,
    quota: Quota = {},
    asker?: Member,
  ): Promise<Deployment> {
    const earlier = this.#keys.earlier(key);
    if (earlier !== undefined) return this.#rows.get(earlier) as Deployment;
    this.#uses.requireOpen(deployment);
    this.#requireRoom(deployment, shareOf(deployment), quota);
    this.#keys.remember(key, deployment.deploymentId);
    this.#uses.begin(deployment);
    this.#rows.set(deployment.deploymentId, deployment);
    if (asker) this.#askers.set(deployment.deploymentId, asker);
    this.#events.push(event);
    await this.#outbox.add(outbox);
    return deployment;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection, too
  async findMade(key: IdempotencyKey): Promise<Deployment | undefined> {
    const madeId = this.#keys.earlier(key);
    return madeId === undefined ? undefined : this.#rows.get(madeId);
  }

  usage(memberId: string, siteId: string): Promise<Usage> {
    return Promise.resolve(this.#usage(memberId, siteId));
  }

  /** Counted anew each time: the measure for what counts along. */
  #usage(memberId: string, siteId: string): Usage {
    const rows = [...this.#rows.values()].filter((row) => row.memberId === memberId && row.siteId === siteId);
    const usages = rows.filter(({ phase }) => !isTerminal(phase)).map(usageOf);
    return { cpus: usages.reduce((sum, { cpus }) => sum + cpus, 0), clusters: usages.length };
  }

  #requireRoom({ memberId, siteId }: Deployment, added: Usage, quota: Quota): void {
    requireRoom({ memberId, siteId }, added, this.#usage(memberId, siteId), quota);
  }

  find(deploymentId: string): Promise<Deployment | undefined> {
    return Promise.resolve(this.#rows.get(deploymentId));
  }

  findAsker(deploymentId: string): Promise<Member | undefined> {
    return Promise.resolve(this.#askers.get(deploymentId));
  }

  async replace(
    before: Deployment,
    after: Deployment,
    event: DeploymentEvent | undefined,
    outbox: readonly OutboxEntry[],
    quota: Quota = {},
    asker?: Member,
  ): Promise<void> {
    if (this.#rows.get(before.deploymentId)?.version !== before.version) {
      throw new EdgebootError('CONFLICT', 'the deployment was changed at the same time');
    }
    try {
      this.#requireRoom(before, addedBy(shareOf(before), shareOf(after)), quota);
    } catch (cause) {
      throw new EdgebootError('CONFLICT', 'there is no room any more', { cause });
    }
    this.#rows.set(after.deploymentId, after);
    if (asker) this.#askers.set(after.deploymentId, asker);
    if (isTerminal(after.phase) && !isTerminal(before.phase)) this.#uses.end(before);
    if (event) this.#events.push(event);
    await this.#outbox.add(outbox);
  }

  listByMember(memberId: string, before: string | undefined, limit: number): Promise<readonly Deployment[]> {
    const own = [...this.#rows.values()].filter((row) => row.memberId === memberId);
    const older = own.filter((row) => before === undefined || row.deploymentId < before);
    return Promise.resolve(older.sort((a, b) => (a.deploymentId > b.deploymentId ? -1 : 1)).slice(0, limit));
  }

  listAtSite(siteId: string, before: string | undefined, limit: number): Promise<readonly string[]> {
    const present = [...this.#rows.values()].filter((row) => row.siteId === siteId && !isTerminal(row.phase));
    const ids = present.map(({ deploymentId }) => deploymentId).sort();
    return Promise.resolve(
      ids
        .reverse()
        .filter((id) => before === undefined || id < before)
        .slice(0, limit),
    );
  }

  listUnsettled(stoodSince: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const isWanted = (row: Deployment): boolean => !isOutcome(row);
    return Promise.resolve(standingLongest(this.#rows.values(), stoodSince, limit, isWanted));
  }

  listEndsDue(now: string, limit: number): Promise<readonly UnsettledDeployment[]> {
    const due = [...this.#rows.values()].flatMap((row) => {
      const { deploymentId, siteId } = row;
      const dueAt = endDueAt(row);
      return dueAt !== undefined && dueAt <= now ? [{ deploymentId, siteId, dueAt }] : [];
    });
    due.sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1));
    return Promise.resolve(due.slice(0, limit).map(({ deploymentId, siteId }) => ({ deploymentId, siteId })));
  }

  eventsAfter(deploymentId: string, sequence: number): Promise<readonly DeploymentEvent[]> {
    const own = this.#events.filter((event) => event.deploymentId === deploymentId && event.sequence > sequence);
    return Promise.resolve(own.sort((a, b) => a.sequence - b.sequence));
  }
}
