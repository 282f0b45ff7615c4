/** Sites as text. */
import type { SeenSite, ShownSite, Site } from '#shared/api/sites.ts';
import { fields, formatBytes, table } from './output.ts';

export function siteTable(sites: readonly SeenSite[]): string {
  const heading = [
    'SITE',
    'NAME',
    'FOR YOU',
    'NEW WORK',
    'FREE CPUS',
    'FREE MEMORY',
    'FREE ADDRESSES',
    'CACHED IMAGES',
  ];
  const rows = sites.map((site) => [
    site.siteId,
    site.displayName,
    site.granted ? 'yes' : 'no',
    site.drainingSince === undefined ? 'taken' : 'draining',
    String(site.free?.cpus ?? '-'),
    site.free ? `${site.free.memoryMiB} MiB` : '-',
    String(site.free?.publicAddresses ?? '-'),
    String(site.cachedImages),
    site.agentVersion ?? '-',
    lastSeenOf(site),
  ]);
  return table([[...heading, 'AGENT', 'LAST SEEN'], ...rows]);
}

export function describeSite(site: Site): string {
  return fields([['site', site.siteId], newWorkOf(site)]);
}

export function showSite(site: ShownSite): string {
  const { siteId, displayName, granted, free, agentVersion, cached } = site;
  const about = fields([
    ['site', siteId],
    ['name', displayName],
    ['for you', granted ? 'yes' : 'no'],
    newWorkOf(site),
    ['free', free ? `${free.cpus} CPUs, ${free.memoryMiB} MiB, ${free.publicAddresses} addresses` : '-'],
    ['agent', agentVersion ?? '-'],
    ['last seen', lastSeenOf(site)],
  ]);
  if (cached.length === 0) return about;
  const rows = cached.map((one) => [`${one.imageName}@${one.version}`, formatBytes(one.cachedBytes)]);
  return [about, table([['CACHED IMAGE', 'SPARED'], ...rows])].join('\n');
}

const newWorkOf = ({ drainingSince }: Site) =>
  ['new work', drainingSince === undefined ? 'taken' : `refused: draining since ${drainingSince}`] as const;

function lastSeenOf({ lastSeen, enrolled, silent }: SeenSite): string {
  if (lastSeen === undefined) return enrolled ? 'never' : 'not enrolled';
  return silent ? `${lastSeen} (silent)` : lastSeen;
}
