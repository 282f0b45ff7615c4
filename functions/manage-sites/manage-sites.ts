/** The federation's operator registers a site: its queue is made, and a one-time token for its agent. */
import { createHash, randomBytes } from 'node:crypto';
import type { registerSiteRequest } from '#shared/api/sites.ts';
import { publicKeyFingerprint } from '#shared/keys.ts';
import { accessForGroups } from '#shared/site-access.ts';
import type * as z from 'zod';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { SiteStore } from '../ports.ts';
import { requireOperator } from '../require-operator.ts';

export interface ManageSitesPorts extends DeliveryPorts {
  readonly sites: SiteStore;
  readonly rootPublicKeyPem: string;
  readonly now: () => Date;
}

const TOKEN_HOURS = 24;

/**
 * Answers the token, which nobody can read again. Registering a site anew replaces its settings and its token, so that an earlier
 * one is good no more; the agent that is enrolled stays enrolled until the new token is used. Throws FORBIDDEN.
 */
export async function registerSite(
  operator: Member,
  request: z.infer<typeof registerSiteRequest>,
  ports: ManageSitesPorts,
): Promise<{ siteId: string; enrollmentToken: string }> {
  const { siteId, deployerGroups, ...settings } = request;
  const decision = { actor: `member:${operator.memberId}`, action: 'site.register', siteId } as const;
  await requireOperator(operator, decision, 'register sites', ports);
  const queue = await ports.queues.create(siteId);
  const now = ports.now();
  const secret = randomBytes(32).toString('base64url');
  const enrollmentToken = `enroll.${siteId}.${secret}.${publicKeyFingerprint(ports.rootPublicKeyPem)}`;
  const entry = auditEntry(now.toISOString(), { ...decision, decision: 'allow' });
  await ports.sites.register(
    { siteId, ...settings, ...queue, access: accessForGroups(deployerGroups), createdAt: now.toISOString() },
    {
      sha256: tokenDigest(enrollmentToken),
      expiresAt: new Date(now.getTime() + TOKEN_HOURS * 3_600_000).toISOString(),
    },
    [entry],
  );
  await deliverOutbox([entry], ports);
  return { siteId, enrollmentToken };
}

/** Tokens are kept as digests only. */
export const tokenDigest = (token: string): string => createHash('sha256').update(token).digest('hex');
