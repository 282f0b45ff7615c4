/**
 * What an alarm has to know and AWS has no metric for, once a minute in one line of the log, where stack/alarms.yml reads it:
 * sites that are silent, how long the outbox's oldest entry waits, and for how long the job that stands the longest has not come on.
 */
import { isSilent } from '../site-silence.ts';
import type { DeploymentStore, Outbox, SiteStore, WarmingStore } from '../ports.ts';
import type { Log } from '#shared/log-fields.ts';

export interface TakeStockPorts {
  readonly log: Log;
  readonly now: () => Date;
  readonly outbox: Outbox;
  readonly sites: SiteStore;
  readonly deployments: DeploymentStore;
  readonly warmings: WarmingStore;
}

/** Called when the sweep has done what it can: what still waits then is what it could not do. */
export async function takeStock({ log, now, outbox, sites, deployments, warmings }: TakeStockPorts): Promise<void> {
  const at = now();
  const secondsSince = (time: string | undefined): number =>
    time === undefined ? 0 : Math.max(0, Math.round((at.getTime() - Date.parse(time)) / 1000));
  const [entry] = await outbox.pending(at.toISOString());
  const [deployment] = await deployments.listUnsettled(at.toISOString(), 1);
  const [warming] = await warmings.listUnsettled(at.toISOString(), 1);
  const jobs = [
    deployment && (await deployments.find(deployment.deploymentId)),
    warming && (await warmings.find(warming.warmingId)),
  ];
  log.info('stock', {
    operation: 'sweep',
    // Of a site without an agent nobody expects to be heard.
    silentSites: (await sites.list()).filter((site) => site.enrolled && isSilent(site, at)).length,
    oldestEntrySeconds: secondsSince(entry?.createdAt),
    oldestJobSeconds: Math.max(...jobs.map((job) => secondsSince(job?.progressedAt))),
  });
}
