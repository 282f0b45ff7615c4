/** Whether a site's agent can be expected to look into its queue: derived whenever somebody reads, never written down. */
import type { SiteRecord } from './ports.ts';

/** Agents announce themselves twice a minute. */
const HEARD_SECONDS = 60;
const SILENT_SECONDS = 5 * 60;

/** For so long that it is worth an alarm, and that nobody need wait for it: one that only restarts is not that silent. */
export function isSilent(site: Pick<SiteRecord, 'lastSeen'>, now: Date): boolean {
  return !isHeardWithin(SILENT_SECONDS, site, now);
}

/** It was there a moment ago: a job that is sent now is begun now. That is what whoever reads is told. */
export function isHeard(site: Pick<SiteRecord, 'lastSeen'>, now: Date): boolean {
  return isHeardWithin(HEARD_SECONDS, site, now);
}

function isHeardWithin(seconds: number, { lastSeen }: Pick<SiteRecord, 'lastSeen'>, now: Date): boolean {
  return lastSeen !== undefined && Date.parse(lastSeen) >= now.getTime() - seconds * 1000;
}
