/** A member wishes a cluster gone: a new generation of the wish, and a message that announces it. */
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import type { Member } from '../http/identity.ts';
import { newWish, type WishPorts } from '../new-wish.ts';
import { findOwnDeployment } from '../read-deployments/read-deployments.ts';
import { retryConflict } from '../retry-conflict.ts';

/**
 * Idempotent: a deployment that is gone is answered as it is; for one that is going, the wish is announced again, in case that
 * its message was lost. Throws NOT_FOUND, CONFLICT.
 */
export async function destroyDeployment(member: Member, deploymentId: string, ports: WishPorts): Promise<Deployment> {
  const actor = `member:${member.memberId}`;
  return retryConflict(
    () => findOwnDeployment(member, deploymentId, 'deployment.destroy', ports),
    (before) =>
      isTerminal(before.phase)
        ? Promise.resolve(before)
        : newWish(before, { desired: { power: 'destroyed' }, action: 'deployment.destroy', actor }, ports),
  );
}
