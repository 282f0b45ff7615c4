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
import { sideBySide } from './side-by-side.ts';

/** An agent at work reports more often than that. Should it not, a second message does no harm. */
const QUIET_SECONDS = 15 * 60;
/** Of each kind, in one sweep: within a quarter of an hour everything listed has its turn. */
const MAX_ANNOUNCED = 1000;
const MAX_LISTED = 15 * MAX_ANNOUNCED;

export interface AnnounceAgainPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly warmings: WarmingStore;
  readonly sites: SiteStore;
  readonly now: () => Date;
}

/** One kind of wish. */
interface Wishes<Row extends Deployment | Warming> {
  /** Those that have not come on, as an index knows them. */
  listStanding(since: string): Promise<readonly Standing[]>;
  find(id: string): Promise<Row | undefined>;
  isFulfilled(row: Row): boolean;
  announcementOf(row: Row): SiteMessage;
  /** Throws CONFLICT. */
  replace(before: Row, after: Row, message: OutboxEntry): Promise<void>;
  logged(id: string): LogFields;
}

interface Standing {
  readonly id: string;
  readonly siteId: string;
  readonly announcedAt?: string | undefined;
}

/** Answers how many wishes it announced. */
export async function announceAgain(ports: AnnounceAgainPorts): Promise<number> {
  const deployments = await announceQuiet(wishesForClusters(ports), ports);
  return deployments + (await announceQuiet(wishesForWarmth(ports), ports));
}

const wishesForClusters = ({ deployments }: AnnounceAgainPorts): Wishes<Deployment> => ({
  listStanding: async (since) =>
    (await deployments.listUnsettled(since, MAX_LISTED)).map(({ deploymentId: id, ...rest }) => ({ id, ...rest })),
  find: (id) => deployments.find(id),
  isFulfilled: isOutcome,
  announcementOf: ({ deploymentId, desired }) => ({ schemaVersion: 1, deploymentId, generation: desired.generation }),
  replace: (before, after, message) => deployments.replace(before, after, undefined, [message]),
  logged: (deploymentId) => ({ deploymentId }),
});

const wishesForWarmth = ({ warmings }: AnnounceAgainPorts): Wishes<Warming> => ({
  listStanding: async (since) =>
    (await warmings.listUnsettled(since, MAX_LISTED)).map(({ warmingId: id, ...rest }) => ({ id, ...rest })),
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
  const since = new Date(ports.now().getTime() - QUIET_SECONDS * 1000).toISOString();
  const due = (await wishes.listStanding(since)).filter((wish) => !isSince(since, wish));
  const sites = await heardSites(new Set(due.map(({ siteId }) => siteId)), ports);
  const turns = due.flatMap(({ id, siteId }) => {
    const site = sites.get(siteId);
    return site === undefined ? [] : [{ id, site }];
  });
  const announced = await sideBySide(turns.slice(0, MAX_ANNOUNCED), ({ id, site }) =>
    announceIfQuiet(id, since, wishes, site, ports),
  );
  return announced.filter(Boolean).length;
}

/** At a silent one the message waits in the queue: more of them would only pile up. */
async function heardSites(siteIds: ReadonlySet<string>, ports: AnnounceAgainPorts): Promise<Map<string, SiteRecord>> {
  const sites = await sideBySide([...siteIds], (siteId) => ports.sites.find(siteId));
  const heard = sites.filter((site) => site !== undefined).filter((site) => !isSilent(site, ports.now()));
  return new Map(heard.map((site) => [site.siteId, site]));
}

/** Whether something was changed, or announced, since that moment. */
function isSince(moment: string, { updatedAt, announcedAt }: Partial<Pick<Deployment, 'updatedAt' | 'announcedAt'>>) {
  return [updatedAt, announcedAt].some((at) => at !== undefined && at >= moment);
}

/** False where the row has moved on, and where it could not be done: one wish is not in the way of the others. */
async function announceIfQuiet<Row extends Deployment | Warming>(
  id: string,
  since: string,
  wishes: Wishes<Row>,
  site: SiteRecord,
  ports: AnnounceAgainPorts,
): Promise<boolean> {
  try {
    const row = await wishes.find(id);
    if (!row || wishes.isFulfilled(row) || isSince(since, row)) return false;
    await announce(row, wishes, site, ports);
    return true;
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('a quiet wish could not be announced again', { ...wishes.logged(id), reason: messageOf(error) });
    }
    return false;
  }
}

/** The row says so, so that its next turn is as far away; it has not come on by that. Throws CONFLICT. */
async function announce<Row extends Deployment | Warming>(
  before: Row,
  wishes: Wishes<Row>,
  site: SiteRecord,
  ports: AnnounceAgainPorts,
): Promise<void> {
  const now = ports.now().toISOString();
  const after = { ...before, version: before.version + 1, announcedAt: now };
  const message = messageEntry(now, site.queueUrl, wishes.announcementOf(before));
  await wishes.replace(before, after, message);
  await deliverOutbox([message], ports);
}
