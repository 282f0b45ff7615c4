/** A wish whose message was lost (expired, dead-lettered, deleted by hand) is announced anew, without a grant: the agent renews. */
import { type Deployment, isOutcome } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { messageEntry } from '../outbox/entries.ts';
import type { DeploymentStore, SiteRecord, SiteStore } from '../ports.ts';
import { isSilent } from '../site-silence.ts';

/** An agent at work reports more often than that. Should it not, a second message does no harm. */
const QUIET_SECONDS = 15 * 60;
const MAX_DEPLOYMENTS = 1000;

export interface AnnounceAgainPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly sites: SiteStore;
  readonly now: () => Date;
}

/** Answers how many wishes it announced. */
export async function announceAgain(ports: AnnounceAgainPorts): Promise<number> {
  const unchangedSince = new Date(ports.now().getTime() - QUIET_SECONDS * 1000).toISOString();
  const quiet = await ports.deployments.listUnsettled(unchangedSince, MAX_DEPLOYMENTS);
  let announced = 0;
  for (const siteId of new Set(quiet.map((deployment) => deployment.siteId))) {
    const site = await ports.sites.find(siteId);
    // There the message waits in the queue: more of them would only pile up.
    if (site === undefined || isSilent(site, ports.now())) continue;
    for (const { deploymentId } of quiet.filter((deployment) => deployment.siteId === siteId)) {
      if (await announceIfQuiet(deploymentId, unchangedSince, site, ports)) announced += 1;
    }
  }
  return announced;
}

/** False where the row has moved on, and where it could not be done: one deployment is not in the way of the others. */
async function announceIfQuiet(
  deploymentId: string,
  unchangedSince: string,
  site: SiteRecord,
  ports: AnnounceAgainPorts,
): Promise<boolean> {
  try {
    const row = await ports.deployments.find(deploymentId);
    if (!row || isOutcome(row.phase, row.desired) || row.updatedAt >= unchangedSince) return false;
    await announce(row, site, ports);
    return true;
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('a quiet deployment could not be announced again', { deploymentId, reason: messageOf(error) });
    }
    return false;
  }
}

/** The row is touched, so that its next turn is as far away. Throws CONFLICT. */
async function announce(before: Deployment, site: SiteRecord, ports: AnnounceAgainPorts): Promise<void> {
  const now = ports.now().toISOString();
  const { deploymentId, desired } = before;
  const after = { ...before, version: before.version + 1, updatedAt: now };
  const message = messageEntry(now, site.queueUrl, { schemaVersion: 1, deploymentId, generation: desired.generation });
  await ports.deployments.replace(before, after, undefined, [message]);
  await deliverOutbox([message], ports);
}
