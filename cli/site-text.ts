/** Sites as text. */
import type { Site, siteListResponse } from '#shared/api.ts';
import type * as z from 'zod';
import { fields, table } from './output.ts';

export function siteTable(sites: z.infer<typeof siteListResponse>['sites']): string {
  const heading = ['SITE', 'NAME', 'FOR YOU', 'NEW WORK', 'FREE CPUS', 'FREE MEMORY', 'FREE ADDRESSES', 'LAST SEEN'];
  const rows = sites.map(({ siteId, displayName, granted, drainingSince, enrolled, free, lastSeen }) => [
    siteId,
    displayName,
    granted ? 'yes' : 'no',
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
