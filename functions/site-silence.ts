/** Whether a site's agent can be expected to look into its queue: derived whenever somebody reads, never written down. */
import type { SiteRecord } from './ports.ts';

/** Agents announce themselves twice a minute. */
const SILENT_SECONDS = 5 * 60;

export function isSilent({ lastSeen }: Pick<SiteRecord, 'lastSeen'>, now: Date): boolean {
  return lastSeen === undefined || Date.parse(lastSeen) < now.getTime() - SILENT_SECONDS * 1000;
}
