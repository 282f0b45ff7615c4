/**
 * A cluster whose time will soon be over is warned of; one whose time is over is stopped, as its member would do it, and destroyed a
 * day later. In each stage its member may give it more time: every step is conditional on the row that it was decided from.
 */
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { destroyAfterGrace, endStepAt } from '../deployment-end.ts';
import { newWish, type WishPorts } from '../new-wish.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import { sideBySide } from './side-by-side.ts';

/** One sweep takes so many on; the next one the rest. */
const MAX_ENDS = 500;
const ACTOR = 'sweep';

export interface EndsTended {
  readonly warned: number;
  readonly stopped: number;
  readonly destroyed: number;
}

export async function tendEnds(ports: WishPorts): Promise<EndsTended> {
  const due = await ports.deployments.listEndsDue(ports.now().toISOString(), MAX_ENDS);
  const done = await sideBySide(due, ({ deploymentId }) => tendEnd(deploymentId, ports));
  const count = (step: keyof EndsTended): number => done.filter((one) => one === step).length;
  return { warned: count('warned'), stopped: count('stopped'), destroyed: count('destroyed') };
}

/** `undefined` where there was nothing to do any more, and where it could not be done: one is not in the way of the others. */
async function tendEnd(deploymentId: string, ports: WishPorts): Promise<keyof EndsTended | undefined> {
  try {
    const deployment = await ports.deployments.find(deploymentId);
    const now = ports.now().toISOString();
    if (deployment?.endsAt === undefined) return undefined;
    const { endsAt } = deployment;
    switch (endStepAt(deployment, now)) {
      case 'warn':
        await tell(deployment, { endsAt }, `it ends at ${endsAt}`, ports);
        return 'warned';
      case 'stop':
        await stop(deployment, endsAt, ports);
        return 'stopped';
      case 'destroy':
        await destroy(deployment, endsAt, ports);
        return 'destroyed';
      case undefined:
        return undefined;
    }
  } catch (error) {
    // Somebody else has just changed it: the next sweep looks again.
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('the end of a deployment could not be tended', { deploymentId, reason: messageOf(error) });
    }
    return undefined;
  }
}

/** One that is off by its member's wish stays so: there is nothing to wish, and nothing to tell its site. Throws NOT_FOUND, CONFLICT. */
async function stop(deployment: Deployment, endsAt: string, ports: WishPorts): Promise<void> {
  const destroyAt = destroyAfterGrace(ports.now());
  const reason = `its time was over at ${endsAt}; it is destroyed at ${destroyAt}`;
  if (deployment.desired.power === 'off') return tell(deployment, { destroyAt }, reason, ports);
  const desired = { power: 'off' } as const;
  await newWish(deployment, { desired, action: 'deployment.stop', actor: ACTOR, reason, destroyAt }, ports);
}

/** Throws NOT_FOUND, CONFLICT. */
async function destroy(deployment: Deployment, endsAt: string, ports: WishPorts): Promise<void> {
  const reason = `its time was over at ${endsAt}`;
  const desired = { power: 'destroyed' } as const;
  await newWish(deployment, { desired, action: 'deployment.destroy', actor: ACTOR, reason }, ports);
}

/** An event of its history, on record, that wishes nothing. Throws CONFLICT. */
async function tell(
  before: Deployment,
  news: Pick<DeploymentEvent, 'endsAt' | 'destroyAt'>,
  reason: string,
  ports: WishPorts,
): Promise<void> {
  const { deploymentId, siteId, phase, desired } = before;
  const now = ports.now().toISOString();
  const after = {
    ...before,
    ...news,
    endWarningAt: undefined,
    version: before.version + 1,
    auditSequence: before.auditSequence + 1,
    auditedAt: now,
  };
  const event = { deploymentId, sequence: after.version, at: now, phase, generation: desired.generation, ...news };
  const entry = auditEntry(now, {
    actor: ACTOR,
    action: 'deployment.warn',
    decision: 'allow',
    deploymentId,
    sequence: after.auditSequence,
    siteId,
    reason,
  });
  await ports.deployments.replace(before, after, { ...event, actor: ACTOR }, [entry]);
  await deliverOutbox([entry], ports);
}
