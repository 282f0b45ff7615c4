/**
 * A wish whose message was lost (expired, dead-lettered, deleted by hand) is announced anew, without a grant: the agent renews.
 * Deployments and warmings alike.
 */
import { type Deployment, isOutcome } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import type { LogFields } from '#shared/log-fields.ts';
import type { SiteMessage } from '#shared/messages.ts';
import { isWarmingOver, type Warming } from '#shared/warming.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { messageEntry } from '../outbox/entries.ts';
import type { DeploymentStore, OutboxEntry, SiteRecord, SiteStore, WarmingStore } from '../ports.ts';
import { isSilent } from '../site-silence.ts';

/** An agent at work reports more often than that. Should it not, a second message does no harm. */
const QUIET_SECONDS = 15 * 60;
/** Of each kind. */
const MAX_WISHES = 1000;

export interface AnnounceAgainPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly warmings: WarmingStore;
  readonly sites: SiteStore;
  readonly now: () => Date;
}

/** One kind of wish. */
interface Wishes<Row extends Deployment | Warming> {
  /** Ids and sites, as an index knows them. */
  listQuiet(unchangedSince: string): Promise<readonly { readonly id: string; readonly siteId: string }[]>;
  find(id: string): Promise<Row | undefined>;
  isFulfilled(row: Row): boolean;
  announcementOf(row: Row): SiteMessage;
  /** Throws CONFLICT. */
  replace(before: Row, after: Row, message: OutboxEntry): Promise<void>;
  logged(id: string): LogFields;
}

/** Answers how many wishes it announced. */
export async function announceAgain(ports: AnnounceAgainPorts): Promise<number> {
  const deployments = await announceQuiet(wishesForClusters(ports), ports);
  return deployments + (await announceQuiet(wishesForWarmth(ports), ports));
}

const wishesForClusters = ({ deployments }: AnnounceAgainPorts): Wishes<Deployment> => ({
  listQuiet: async (unchangedSince) =>
    (await deployments.listUnsettled(unchangedSince, MAX_WISHES)).map(({ deploymentId: id, siteId }) => ({
      id,
      siteId,
    })),
  find: (id) => deployments.find(id),
  isFulfilled: isOutcome,
  announcementOf: ({ deploymentId, desired }) => ({ schemaVersion: 1, deploymentId, generation: desired.generation }),
  replace: (before, after, message) => deployments.replace(before, after, undefined, [message]),
  logged: (deploymentId) => ({ deploymentId }),
});

const wishesForWarmth = ({ warmings }: AnnounceAgainPorts): Wishes<Warming> => ({
  listQuiet: async (unchangedSince) =>
    (await warmings.listUnsettled(unchangedSince, MAX_WISHES)).map(({ warmingId: id, siteId }) => ({ id, siteId })),
  find: (id) => warmings.find(id),
  isFulfilled: isWarmingOver,
  announcementOf: ({ warmingId }) => ({ schemaVersion: 1, warmingId }),
  replace: (before, after, message) => warmings.replace(before, after, [message]),
  logged: (warmingId) => ({ warmingId }),
});

async function announceQuiet<Row extends Deployment | Warming>(
  wishes: Wishes<Row>,
  ports: AnnounceAgainPorts,
): Promise<number> {
  const unchangedSince = new Date(ports.now().getTime() - QUIET_SECONDS * 1000).toISOString();
  const quiet = await wishes.listQuiet(unchangedSince);
  let announced = 0;
  for (const siteId of new Set(quiet.map((wish) => wish.siteId))) {
    const site = await ports.sites.find(siteId);
    // There the message waits in the queue: more of them would only pile up.
    if (site === undefined || isSilent(site, ports.now())) continue;
    for (const { id } of quiet.filter((wish) => wish.siteId === siteId)) {
      if (await announceIfQuiet(id, unchangedSince, wishes, site, ports)) announced += 1;
    }
  }
  return announced;
}

/** False where the row has moved on, and where it could not be done: one wish is not in the way of the others. */
async function announceIfQuiet<Row extends Deployment | Warming>(
  id: string,
  unchangedSince: string,
  wishes: Wishes<Row>,
  site: SiteRecord,
  ports: AnnounceAgainPorts,
): Promise<boolean> {
  try {
    const row = await wishes.find(id);
    if (!row || wishes.isFulfilled(row) || row.updatedAt >= unchangedSince) return false;
    await announce(row, wishes, site, ports);
    return true;
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('a quiet wish could not be announced again', { ...wishes.logged(id), reason: messageOf(error) });
    }
    return false;
  }
}

/** The row is touched, so that its next turn is as far away. Throws CONFLICT. */
async function announce<Row extends Deployment | Warming>(
  before: Row,
  wishes: Wishes<Row>,
  site: SiteRecord,
  ports: AnnounceAgainPorts,
): Promise<void> {
  const now = ports.now().toISOString();
  const after = { ...before, version: before.version + 1, updatedAt: now };
  const message = messageEntry(now, site.queueUrl, wishes.announcementOf(before));
  await wishes.replace(before, after, message);
  await deliverOutbox([message], ports);
}
