/** Tells the federation that this site lives, what is free here, and which of its images are cached. */
import { messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import { cachedImages } from './cache/cached-images.ts';
import type { ImageCache } from './cache/image-cache.ts';
import { readStoredBases } from './cache/stored-bases.ts';
import { freeCapacity, type SiteResources } from './core/allocate.ts';
import type { FederationApi, Journal } from './ports.ts';

const ANNOUNCE_SECONDS = 30;

export interface AnnouncePorts {
  readonly api: FederationApi;
  readonly journal: Journal;
  readonly resources: SiteResources;
  readonly imageCache: Pick<ImageCache, 'directory'>;
  readonly log: Log;
}

/** At once, and then every half minute until `signal` is aborted. */
export function announceRegularly(ports: AnnouncePorts, signal: AbortSignal): void {
  if (signal.aborted) return;
  const announce = async (): Promise<void> => {
    try {
      const taken = (await ports.journal.list()).map((entry) => entry.plan);
      const cached = cachedImages(await readStoredBases(ports.imageCache.directory));
      await ports.api.announce({ free: freeCapacity(ports.resources, taken), cached });
    } catch (error) {
      ports.log.warn('the site could not be announced', { reason: messageOf(error) });
    }
  };
  void announce();
  const timer = setInterval(() => void announce(), ANNOUNCE_SECONDS * 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
