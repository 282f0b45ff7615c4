/** A cluster whose time will soon be over is warned of; one whose time is over is wished gone, as its member would do it. */
import type { Deployment } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { endDueAt } from '../deployment-end.ts';
import { newWish, type WishPorts } from '../new-wish.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';

/** One sweep takes so many on; the next one the rest. */
const MAX_ENDS = 500;

export interface EndsTended {
  readonly warned: number;
  readonly ended: number;
}

export async function tendEnds(ports: WishPorts): Promise<EndsTended> {
  const counts = { warned: 0, ended: 0 };
  for (const { deploymentId } of await ports.deployments.listEndsDue(ports.now().toISOString(), MAX_ENDS)) {
    const done = await tendEnd(deploymentId, ports);
    if (done) counts[done] += 1;
  }
  return counts;
}

/** `undefined` where there was nothing to do any more, and where it could not be done: one is not in the way of the others. */
async function tendEnd(deploymentId: string, ports: WishPorts): Promise<keyof EndsTended | undefined> {
  try {
    const deployment = await ports.deployments.find(deploymentId);
    const now = ports.now().toISOString();
    const dueAt = deployment && endDueAt(deployment);
    if (deployment?.endsAt === undefined || dueAt === undefined || dueAt > now) return undefined;
    const { endsAt } = deployment;
    if (endsAt > now) {
      await warn(deployment, endsAt, now, ports);
      return 'warned';
    }
    const reason = `its time was over at ${endsAt}`;
    await newWish(
      deployment,
      { desired: { power: 'destroyed' }, action: 'deployment.destroy', actor: 'sweep', reason },
      ports,
    );
    return 'ended';
  } catch (error) {
    // Somebody else has just changed it: the next sweep looks again.
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('the end of a deployment could not be tended', { deploymentId, reason: messageOf(error) });
    }
    return undefined;
  }
}

/** An event of its history, on record. Throws CONFLICT. */
async function warn(before: Deployment, endsAt: string, now: string, ports: WishPorts): Promise<void> {
  const { deploymentId, siteId, phase, desired } = before;
  const after = {
    ...before,
    endWarningAt: undefined,
    version: before.version + 1,
    auditSequence: before.auditSequence + 1,
    auditedAt: now,
  };
  const event = { deploymentId, sequence: after.version, at: now, phase, generation: desired.generation, endsAt };
  const entry = auditEntry(now, {
    actor: 'sweep',
    action: 'deployment.warn',
    decision: 'allow',
    deploymentId,
    sequence: after.auditSequence,
    siteId,
    reason: `it ends at ${endsAt}`,
  });
  await ports.deployments.replace(before, after, { ...event, actor: 'sweep' }, [entry]);
  await deliverOutbox([entry], ports);
}
