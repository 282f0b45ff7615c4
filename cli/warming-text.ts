/** Warmings as text. */
import type { Warming } from '#shared/warming.ts';
import { describeProgress } from './deployment-text.ts';
import { fields, formatBytes } from './output.ts';

export function describeWarming(warming: Warming): string {
  const { warmingId, imageName, imageVersion, imageDeprecated, siteId, keep, phase, outcome, failure } = warming;
  return fields([
    ['warming', warmingId],
    ['image', `${imageName}@${imageVersion}`],
    ...(imageDeprecated === undefined ? [] : [['deprecated', imageDeprecated] as const]),
    ['site', `${siteId}${keep ? ', kept in its cache' : ''}`],
    ['phase', phase],
    ...(phase === 'FETCHING' ? [['progress', describeProgress(warming)] as const] : []),
    ...(phase === 'DONE' && outcome ? describeOutcome(outcome) : []),
    ...(phase === 'FAILED' && failure
      ? ([
          ['failed', `${failure.code}: ${failure.message}`],
          ['', failure.remedy],
        ] as const)
      : []),
  ]);
}

function describeOutcome(outcome: NonNullable<Warming['outcome']>): (readonly [string, string])[] {
  const { bytesFetched, bytesFromPeers, seconds, edgeLocations, cacheHits, cacheMisses } = outcome;
  if (bytesFetched === 0) return [['fetched', 'nothing: all of it was at the site already']];
  const rate = formatBytes(bytesFetched / Math.max(0.001, seconds));
  return [
    ['edges', edgeLocations.join(', ') || '-'],
    ['cache', `${cacheHits} hits, ${cacheMisses} misses`],
    ['fetched', `${formatBytes(bytesFetched)} in ${seconds.toFixed(2)} s, ${rate}/s`],
    ...(bytesFromPeers === undefined
      ? []
      : ([['peers', `${formatBytes(bytesFromPeers)} of the disks came from other hosts of the site`]] as const)),
  ];
}
