/** Sites as text. */
import type { Site } from '#shared/api.ts';
import { fields, table } from './output.ts';

export function siteTable(sites: readonly Site[]): string {
  const heading = ['SITE', 'NAME', 'DEPLOYERS', 'NEW WORK', 'FREE CPUS', 'FREE MEMORY', 'FREE ADDRESSES', 'LAST SEEN'];
  const rows = sites.map(({ siteId, displayName, deployerGroups, drainingSince, enrolled, free, lastSeen }) => [
    siteId,
    displayName,
    deployerGroups.join(','),
    drainingSince === undefined ? 'taken' : 'draining',
    String(free?.cpus ?? '-'),
    free ? `${free.memoryMiB} MiB` : '-',
    String(free?.publicAddresses ?? '-'),
    lastSeen ?? (enrolled ? 'never' : 'not enrolled'),
  ]);
  return table([heading, ...rows]);
}

export function describeSite({ siteId, drainingSince }: Site): string {
  return fields([
    ['site', siteId],
    ['new work', drainingSince === undefined ? 'taken' : `refused: draining since ${drainingSince}`],
  ]);
}
