/** A member, or the sweep in their stead, wishes something new of a deployment that is there: the next generation, and a message that announces it. */
import type { AuditAction } from '#shared/audit.ts';
import { type Deployment, type Desired, isTerminal } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Member } from './http/identity.ts';
import { deliverOutbox } from './outbox/deliver-outbox.ts';
import { auditEntry, messageEntry } from './outbox/entries.ts';
import type { Quota } from '#shared/site-access.ts';
import type { SiteStore } from './ports.ts';
import type { ReadDeploymentsPorts } from './read-deployments/read-deployments.ts';

export interface WishPorts extends ReadDeploymentsPorts {
  readonly sites: SiteStore;
}

export interface Wish {
  /** What is to be otherwise. */
  readonly desired: Partial<Pick<Desired, 'power' | 'computes'>>;
  readonly action: AuditAction;
  readonly actor: string;
  readonly reason?: string;
  /** Of a wish for more. */
  readonly quota?: Quota;
  /** Who was found to have the right to it. */
  readonly asker?: Member;
  /** Where its time is over: see the deployment's. */
  readonly destroyAt?: string;
}

/**
 * One transaction: the row, its event, the outbox. What is wished already is announced again, in case that its message was lost.
 * Throws NOT_FOUND, CONFLICT (also where the quota has no room).
 */
export async function newWish(before: Deployment, wish: Wish, ports: WishPorts): Promise<Deployment> {
  const site = await ports.sites.find(before.siteId);
  if (site === undefined) throw new EdgebootError('NOT_FOUND', `the site ${before.siteId} is gone`);

  const { deploymentId } = before;
  const { action, actor, reason, quota, asker } = wish;
  const end = wish.destroyAt !== undefined && { destroyAt: wish.destroyAt };
  const now = ports.now().toISOString();
  const { power, computes } = { ...before.desired, ...wish.desired };
  const isNew = before.desired.power !== power || before.desired.computes !== computes;
  const generation = before.desired.generation + (isNew ? 1 : 0);
  const after: Deployment = {
    ...before,
    ...(end && { ...end, endWarningAt: undefined }),
    desired: { ...before.desired, power, computes, generation },
    version: before.version + 1,
    auditSequence: before.auditSequence + 1,
    updatedAt: now,
    ...(isNew ? { progressedAt: now, announcedAt: undefined } : { announcedAt: now }),
  };
  const event = { deploymentId, sequence: after.version, at: now, phase: after.phase, generation, actor, ...end };
  const outbox = [
    messageEntry(now, site.queueUrl, { schemaVersion: 1, deploymentId, generation }),
    auditEntry(now, {
      actor,
      action,
      decision: 'allow',
      deploymentId,
      sequence: after.auditSequence,
      siteId: after.siteId,
      ...(reason !== undefined && { reason }),
      ...(!isNew && { reason: 'asked again' }),
    }),
  ];
  await ports.deployments.replace(before, after, isNew ? event : undefined, outbox, quota, asker);
  await deliverOutbox(outbox, ports);
  return after;
}

/** @param what cannot be done then, for a person. Throws CONFLICT where it is over, or to be destroyed. */
export function requireNotOver({ phase, desired }: Deployment, what: string): void {
  if (desired.power !== 'destroyed' && !isTerminal(phase)) return;
  throw new EdgebootError('CONFLICT', `it is ${isTerminal(phase) ? phase : 'to be destroyed'}: ${what}`, {
    remedy: 'Deploy the image again.',
  });
}
