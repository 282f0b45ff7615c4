/** The federation's operator registers a site: its queue is made, and a one-time token for its agent. */
import { createHash, randomBytes } from 'node:crypto';
import type { registerSiteRequest, registerSiteResponse } from '#shared/api/sites.ts';
import { publicKeyFingerprint } from '#shared/keys.ts';
import { accessForGroups } from '#shared/site-access.ts';
import type * as z from 'zod';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { EnrollmentSecrets, SiteStore } from '../ports.ts';
import { requireOperator } from '../require-operator.ts';

export interface ManageSitesPorts extends DeliveryPorts {
  readonly sites: SiteStore;
  readonly enrollmentSecrets: EnrollmentSecrets;
  readonly rootPublicKeyPem: string;
  readonly now: () => Date;
}

const TOKEN_HOURS = 24;

/**
 * Answers the token, which nobody can read again, but who asks again with the same idempotency key. Registering a site anew replaces its
 * settings and its token, so that an earlier one is good no more; the agent that is enrolled stays enrolled until the new token is
 * used. Throws FORBIDDEN, IDEMPOTENCY_MISMATCH, CONFLICT, SERVICE_UNAVAILABLE.
 */
export async function registerSite(
  operator: Member,
  request: z.infer<typeof registerSiteRequest>,
  idempotencyKey: string | undefined,
  ports: ManageSitesPorts,
): Promise<z.infer<typeof registerSiteResponse>> {
  const { siteId, deployerGroups, ...settings } = request;
  const decision = { actor: `member:${operator.memberId}`, action: 'site.register', siteId } as const;
  await requireOperator(operator, decision, 'register sites', ports);
  const now = ports.now();
  const createdAt = now.toISOString();
  const key = idempotencyKeyOf(operator, idempotencyKey, request);
  const earlier = key && (await ports.sites.findRegistration(key, createdAt));
  if (earlier !== undefined) return { siteId, enrollmentToken: await tokenOf(siteId, earlier, ports) };

  const queue = await ports.queues.create(siteId);
  const registrationId = randomBytes(32).toString('base64url');
  const enrollmentToken = await tokenOf(siteId, registrationId, ports);
  const expiresAt = new Date(now.getTime() + TOKEN_HOURS * 3_600_000).toISOString();
  const entry = auditEntry(createdAt, { ...decision, decision: 'allow' });
  const faster = await ports.sites.register(
    { siteId, ...settings, ...queue, access: accessForGroups(deployerGroups), createdAt },
    { sha256: tokenDigest(enrollmentToken), expiresAt },
    [entry],
    key && { registrationId, idempotencyKey: key },
  );
  if (faster !== undefined) return { siteId, enrollmentToken: await tokenOf(siteId, faster, ports) };
  await deliverOutbox([entry], ports);
  return { siteId, enrollmentToken };
}

/** The id is random, so that a key that was forgotten and is used again does not bring an old token back; and it is no secret. */
async function tokenOf(siteId: string, registrationId: string, ports: ManageSitesPorts): Promise<string> {
  const secret = await ports.enrollmentSecrets.derive(registrationId);
  return `enroll.${siteId}.${secret}.${publicKeyFingerprint(ports.rootPublicKeyPem)}`;
}

/** Tokens are kept as digests only. */
export const tokenDigest = (token: string): string => createHash('sha256').update(token).digest('hex');
