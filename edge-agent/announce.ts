/** Tells the federation that this site lives, and what is free here. */
import { messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import { freeCapacity, type SiteResources } from './core/allocate.ts';
import type { FederationApi, Journal } from './ports.ts';

const ANNOUNCE_SECONDS = 30;

export interface AnnouncePorts {
  readonly api: FederationApi;
  readonly journal: Journal;
  readonly resources: SiteResources;
  readonly log: Log;
}

/** At once, and then every half minute until `signal` is aborted. */
export function announceRegularly(ports: AnnouncePorts, signal: AbortSignal): void {
  if (signal.aborted) return;
  const announce = async (): Promise<void> => {
    try {
      const taken = (await ports.journal.list()).map((entry) => entry.plan);
      await ports.api.announce(freeCapacity(ports.resources, taken));
    } catch (error) {
      ports.log.warn('the site could not be announced', { reason: messageOf(error) });
    }
  };
  void announce();
  const timer = setInterval(() => void announce(), ANNOUNCE_SECONDS * 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
