/** What the suites of the stores share. */
import { auditEntry } from '../../../functions/outbox/entries.ts';
import type {
  DeploymentStore,
  ImageStore,
  Outbox,
  PublisherStore,
  RateLimiter,
  SiteStore,
  WarmingStore,
} from '../../../functions/ports.ts';

export interface Stores {
  readonly outbox: Outbox;
  readonly deployments: DeploymentStore;
  readonly warmings: WarmingStore;
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly publishers: PublisherStore;
  readonly rateLimiter: RateLimiter;
}

export const NOW = '2026-11-23T09:00:00.000Z';
export const LATER = '2026-11-23T10:00:00.000Z';
export const entry = () => auditEntry(NOW, { actor: 'member:alice', action: 'deployment.request', decision: 'allow' });
export const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;
