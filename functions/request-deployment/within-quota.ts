/** The quota of who asks for a deployment. */
import type { Deployment } from '#shared/deployment.ts';
import { hasCode } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import type { DeploymentStore } from '../ports.ts';
import { hasLimits, requireRoom } from '../site-quota.ts';

/** Throws QUOTA_EXCEEDED where there is no room for it now. */
export async function requireRoomFor(
  deployment: Pick<Deployment, 'memberId' | 'siteId' | 'desired'>,
  quota: Quota,
  deployments: Pick<DeploymentStore, 'usage'>,
): Promise<void> {
  if (!hasLimits(quota)) return;
  requireRoom(deployment, await deployments.usage(deployment.memberId, deployment.siteId), quota);
}

/** A QUOTA_EXCEEDED of `work` is on record, as every denial is. */
export async function withinQuota<Result>(
  { memberId, siteId, imageId }: Deployment,
  work: () => Promise<Result>,
  ports: DeliveryPorts & { readonly now: () => Date },
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error;
    const asked = { actor: `member:${memberId}`, action: 'deployment.request', siteId, imageId } as const;
    throw await deny(ports, { ...asked, reason: error.message }, error);
  }
}
