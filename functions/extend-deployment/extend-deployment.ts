/**
 * A member puts the end of their cluster off, under the rules that a new one would have now: grants, vetoes, draining, hours. Also when
 * its time is over, and it is off, until it is wished gone.
 */
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { askedBy, authorizeAgain, type AuthorizeAgainPorts } from '../authorize-again.ts';
import { type End, endAfter } from '../deployment-end.ts';
import type { Member } from '../http/identity.ts';
import { requireNotOver } from '../new-wish.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import { findOwnDeployment } from '../read-deployments/read-deployments.ts';
import { withinQuota } from '../request-deployment/within-quota.ts';
import { retryConflict } from '../retry-conflict.ts';
import { hoursWithin } from '../site-quota.ts';

/**
 * It then ends so many hours from now: what is asked for twice is no more than asked for once, a moment later. Its site need not know:
 * one that was stopped because its time was over stays off until its member starts it.
 * Throws NOT_FOUND, INVALID_REQUEST (its end is later already, or none), FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING,
 * QUOTA_EXCEEDED, CONFLICT (it is over, or to be destroyed).
 */
export async function extendDeployment(
  member: Member,
  deploymentId: string,
  hours: number,
  ports: AuthorizeAgainPorts,
): Promise<Deployment> {
  return retryConflict(
    async () => {
      const before = await findOwnDeployment(member, deploymentId, 'deployment.extend', ports);
      requireNotOver(before, 'its end cannot be put off');
      const quota = await authorizeAgain(member, before, 'deployment.extend', ports);
      const asked = askedBy(member, before, 'deployment.extend');
      await withinQuota(asked, () => Promise.resolve(hoursWithin(before.siteId, hours, quota)), ports);
      const end = endAfter(hours, ports.now());
      requireLater(before, end);
      return { before, end };
    },
    ({ before, end }) => commit(before, end, ports),
  );
}

/** Throws INVALID_REQUEST. */
function requireLater({ endsAt }: Deployment, wished: End): void {
  if (endsAt !== undefined && endsAt < wished.endsAt) return;
  const message = endsAt === undefined ? 'it has no end to put off' : `it ends at ${endsAt}, which is later already`;
  throw new EdgebootError('INVALID_REQUEST', message, {
    remedy: 'To have it end earlier: edgeboot deployment destroy.',
  });
}

/** Throws CONFLICT. */
async function commit(before: Deployment, end: End, ports: AuthorizeAgainPorts): Promise<Deployment> {
  const { deploymentId, memberId, siteId, imageId, phase, desired } = before;
  const now = ports.now().toISOString();
  const actor = `member:${memberId}`;
  const after: Deployment = {
    ...before,
    ...end,
    destroyAt: undefined,
    version: before.version + 1,
    auditSequence: before.auditSequence + 1,
    updatedAt: now,
  };
  const { generation } = desired;
  const event = { deploymentId, sequence: after.version, at: now, phase, generation, actor, endsAt: end.endsAt };
  const entry = auditEntry(now, {
    actor,
    action: 'deployment.extend',
    decision: 'allow',
    deploymentId,
    sequence: after.auditSequence,
    siteId,
    imageId,
    reason: `until ${end.endsAt}`,
  });
  await ports.deployments.replace(before, after, event, [entry]);
  await deliverOutbox([entry], ports);
  return after;
}
