/** The quota of who asks for a deployment. */
import type { AuditRecord } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import { hasCode } from '#shared/errors.ts';
import type { Quota } from '#shared/site-access.ts';
import { type End, endAfter } from '../deployment-end.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import type { DeploymentStore, Usage } from '../ports.ts';
import { hasLimits, hoursWithin, requireRoom, usageOf } from '../site-quota.ts';

/** The deployment, with its end where it has one. Throws QUOTA_EXCEEDED where that is too long, or where there is no room now. */
export async function limitBy<Wished extends Pick<Deployment, 'memberId' | 'siteId' | 'desired' | 'createdAt'>>(
  quota: Quota,
  wished: Wished,
  hours: number | undefined,
  deployments: Pick<DeploymentStore, 'usage'>,
): Promise<Wished & Partial<End>> {
  const { siteId, createdAt } = wished;
  const granted = hoursWithin(siteId, hours, quota);
  await requireRoomNow(wished, usageOf(wished), quota, deployments);
  return { ...wished, ...(granted !== undefined && endAfter(granted, new Date(createdAt))) };
}

/** Whether there still is room when it is taken, the transaction says. Throws QUOTA_EXCEEDED. */
export async function requireRoomNow(
  holder: Pick<Deployment, 'memberId' | 'siteId'>,
  added: Usage,
  quota: Quota,
  deployments: Pick<DeploymentStore, 'usage'>,
): Promise<void> {
  if (!hasLimits(quota)) return;
  requireRoom(holder, added, await deployments.usage(holder.memberId, holder.siteId), quota);
}

/** A QUOTA_EXCEEDED of `work` is on record, as every denial is. */
export async function withinQuota<Result>(
  asked: Omit<AuditRecord, 'auditId' | 'at' | 'decision' | 'reason'>,
  work: () => Promise<Result>,
  ports: DeliveryPorts & { readonly now: () => Date },
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error;
    throw await deny(ports, { ...asked, reason: error.message }, error);
  }
}
