/** A member gives their cluster more computes, or fewer, while it runs. Its frontend, and the computes that stay, run on. */
import { type Deployment, isOutcome, isUp } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { askedBy, authorizeAgain, type AuthorizeAgainPorts } from '../authorize-again.ts';
import type { Member } from '../http/identity.ts';
import { newWish, requireNotOver } from '../new-wish.ts';
import { findOwnDeployment } from '../read-deployments/read-deployments.ts';
import { requireComputeImage } from '../request-deployment/request-deployment.ts';
import { requireRoomNow, withinQuota } from '../request-deployment/within-quota.ts';
import { retryConflict } from '../retry-conflict.ts';
import { addedBy, usageOf } from '../site-quota.ts';

const ACTION = 'deployment.scale';

/**
 * Fewer are always allowed; more, under the rules for new deployments. Idempotent: a cluster that has as many is answered as it is; on the
 * way there, the wish is announced again. Throws NOT_FOUND, CONFLICT (it is off, has not run yet, is over, or to be destroyed); for
 * more also FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING, QUOTA_EXCEEDED, INVALID_REQUEST (the image has no disk for computes).
 */
export async function scaleDeployment(
  member: Member,
  deploymentId: string,
  computes: number,
  ports: AuthorizeAgainPorts,
): Promise<Deployment> {
  return retryConflict(
    async () => {
      const before = await findOwnDeployment(member, deploymentId, ACTION, ports);
      requireNotOver(before, 'it cannot be scaled');
      requireOn(before);
      const isMore = computes > before.desired.computes;
      return { before, more: isMore && { asker: member, quota: await authorizeMore(member, before, computes, ports) } };
    },
    ({ before, more }) => {
      const { computes: until } = before.desired;
      if (until === computes && isOutcome(before)) return Promise.resolve(before);
      const actor = `member:${before.memberId}`;
      const reason = `from ${until} to ${computes} computes`;
      return newWish(before, { desired: { computes }, action: ACTION, actor, reason, ...more }, ports);
    },
  );
}

/** Throws CONFLICT. */
function requireOn(deployment: Deployment): void {
  const { phase, desired } = deployment;
  if (isUp(phase) && desired.power === 'on') return;
  const [state, remedy] =
    desired.power === 'on'
      ? [phase, 'Wait until it runs.']
      : [isUp(phase) ? 'to be stopped' : phase, 'Start it, then scale it.'];
  throw new EdgebootError('CONFLICT', `it is ${state}: only a cluster that runs can be scaled`, { remedy });
}

/** Every refusal is on record, but for INVALID_REQUEST. */
async function authorizeMore(
  member: Member,
  before: Deployment,
  computes: number,
  ports: AuthorizeAgainPorts,
): Promise<Quota> {
  const quota = await authorizeAgain(member, before, ACTION, ports);
  const image = await ports.images.findVersion(before.imageId, before.imageVersion);
  if (image) requireComputeImage(image, computes);
  const after = { ...before, desired: { ...before.desired, computes } };
  const added = addedBy(usageOf(before), usageOf(after));
  const ask = () => requireRoomNow(before, added, quota, ports.deployments);
  await withinQuota(askedBy(member, before, ACTION), ask, ports);
  return quota;
}
