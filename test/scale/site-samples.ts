/** A site as the calculation assumes it: some grants and vetoes, some images in its cache. Pure. */
import type { Heartbeat } from '#shared/api/agents.ts';
import type { SiteAccess } from '#shared/site-access.ts';

const CACHED_IMAGES = 10;
const GRANTS = 10;
const VETOES = 5;

const numbered = <T>(count: number, make: (number: string) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(String(i).padStart(2, '0')));

/** Everybody may deploy everything, and some have a quota of their own. @param version that it replaces */
export function accessOfSite(version: number, grants = GRANTS, vetoes = VETOES): SiteAccess {
  return {
    version,
    grants: [
      { groups: ['members'], images: 'all', quota: {} },
      ...numbered(grants, (number) => ({ member: `guest-${number}`, images: ['hpc-base'], quota: { maxCpus: 64 } })),
    ],
    vetoes: { members: numbered(vetoes, (number) => `former-${number}`), images: [] },
  };
}

export function heartbeatOfSite(cached = CACHED_IMAGES): Heartbeat {
  return {
    free: { cpus: 128, memoryMiB: 524_288, publicAddresses: 16 },
    agentVersion: '1.0.0',
    cached: numbered(cached, (number) => ({
      imageId: `01J9ZQ4T8Y7RKX3B6M2N5P8Q${number}`,
      version: 3,
      cachedBytes: 2_147_483_648,
    })),
  };
}
