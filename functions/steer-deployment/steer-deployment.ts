/** A member turns their cluster off, and on again. Its disks, addresses and share of the site stay: only `destroy` gives them back. */
import { type Deployment, hasRun, isOutcome } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { authorizeAgain, type AuthorizeAgainPorts } from '../authorize-again.ts';
import { isTimeOver } from '../deployment-end.ts';
import type { Member } from '../http/identity.ts';
import { newWish, requireNotOver, type WishPorts } from '../new-wish.ts';
import { findOwnDeployment } from '../read-deployments/read-deployments.ts';
import { retryConflict } from '../retry-conflict.ts';

/**
 * Always allowed, once it has run. Idempotent: a cluster that is off is answered as it is; of one that is going off, the wish is
 * announced again. Throws NOT_FOUND, CONFLICT (it has not run yet, is over, or to be destroyed).
 */
export async function stopDeployment(member: Member, deploymentId: string, ports: WishPorts): Promise<Deployment> {
  const action = 'deployment.stop';
  return retryConflict(
    () => findOwnDeployment(member, deploymentId, action, ports),
    async (before) => {
      requireNotOver(before, 'it cannot be stopped');
      requireHasRun(before);
      return powerTo('off', before, action, undefined, ports);
    },
  );
}

/**
 * Under the rules for new deployments, but for the quota, of which a cluster keeps its share while it is off. Idempotent, as stopping is.
 * Throws NOT_FOUND, FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING, CONFLICT (it is over, or to be destroyed, or its time is over).
 */
export async function startDeployment(
  member: Member,
  deploymentId: string,
  ports: AuthorizeAgainPorts,
): Promise<Deployment> {
  const action = 'deployment.start';
  return retryConflict(
    async () => {
      const before = await findOwnDeployment(member, deploymentId, action, ports);
      requireNotOver(before, 'it cannot be started');
      requireTimeLeft(before, ports.now().toISOString());
      await authorizeAgain(member, before, action, ports);
      return before;
    },
    (before) => powerTo('on', before, action, member, ports),
  );
}

/** Throws NOT_FOUND, CONFLICT. */
async function powerTo(
  power: 'on' | 'off',
  before: Deployment,
  action: 'deployment.stop' | 'deployment.start',
  asker: Member | undefined,
  ports: WishPorts,
): Promise<Deployment> {
  if (before.desired.power === power && isOutcome(before)) return before;
  const actor = `member:${before.memberId}`;
  return newWish(before, { desired: { power }, action, actor, ...(asker && { asker }) }, ports);
}

/** It would be stopped again within a minute. Throws CONFLICT. */
function requireTimeLeft(deployment: Deployment, now: string): void {
  if (!isTimeOver(deployment, now)) return;
  const { deploymentId, endsAt = now } = deployment;
  throw new EdgebootError('CONFLICT', `its time was over at ${endsAt}: it cannot be started`, {
    remedy: `Give it more time first: edgeboot deployment extend ${deploymentId} --hours N.`,
  });
}

/** Throws CONFLICT. */
function requireHasRun(deployment: Deployment): void {
  if (hasRun(deployment)) return;
  throw new EdgebootError('CONFLICT', `it is ${deployment.phase}, and has not run yet: there is nothing to stop`, {
    remedy: 'Wait until it runs, or destroy it.',
  });
}
