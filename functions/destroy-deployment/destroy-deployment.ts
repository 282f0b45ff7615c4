/** A member wishes a cluster gone: a new generation of the wish, and a message that announces it. */
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry, messageEntry } from '../outbox/entries.ts';
import type { SiteStore } from '../ports.ts';
import { findOwnDeployment, type ReadDeploymentsPorts } from '../read-deployments/read-deployments.ts';
import { retryConflict } from '../retry-conflict.ts';

export interface DestroyDeploymentPorts extends ReadDeploymentsPorts {
  readonly sites: SiteStore;
}

/**
 * Idempotent: a deployment that is gone is answered as it is; for one that is going, the wish is announced again, in case that
 * its message was lost. Throws NOT_FOUND, CONFLICT.
 */
export async function destroyDeployment(
  member: Member,
  deploymentId: string,
  ports: DestroyDeploymentPorts,
): Promise<Deployment> {
  const by = { actor: `member:${member.memberId}` };
  return retryConflict(
    () => findOwnDeployment(member, deploymentId, 'deployment.destroy', ports),
    (before) => (isTerminal(before.phase) ? Promise.resolve(before) : wishDestroyed(before, by, ports)),
  );
}

/** Throws NOT_FOUND, CONFLICT. */
export async function wishDestroyed(
  before: Deployment,
  { actor, reason }: { readonly actor: string; readonly reason?: string },
  ports: DestroyDeploymentPorts,
): Promise<Deployment> {
  const site = await ports.sites.find(before.siteId);
  if (site === undefined) throw new EdgebootError('NOT_FOUND', `the site ${before.siteId} is gone`);

  const { deploymentId } = before;
  const now = ports.now().toISOString();
  const isNew = before.desired.power === 'on';
  const generation = before.desired.generation + (isNew ? 1 : 0);
  const after: Deployment = {
    ...before,
    desired: { ...before.desired, power: 'destroyed', generation },
    version: before.version + 1,
    auditSequence: before.auditSequence + 1,
    updatedAt: now,
  };
  const event = { deploymentId, sequence: after.version, at: now, phase: after.phase, generation, actor };
  const outbox = [
    messageEntry(now, site.queueUrl, { schemaVersion: 1, deploymentId, generation }),
    auditEntry(now, {
      actor,
      action: 'deployment.destroy',
      decision: 'allow',
      deploymentId,
      sequence: after.auditSequence,
      siteId: after.siteId,
      ...(reason !== undefined && { reason }),
      ...(!isNew && { reason: 'asked again' }),
    }),
  ];
  await ports.deployments.replace(before, after, isNew ? event : undefined, outbox);
  await deliverOutbox(outbox, ports);
  return after;
}
