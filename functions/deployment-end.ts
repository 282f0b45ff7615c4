/**
 * When the time of a deployment is over, when its member is warned of that, and what the sweep has next to do about it: warn, stop,
 * destroy (docs/decisions/0053). Pure.
 */
import { type Deployment, END_GRACE_HOURS, hasRun, isTerminal } from '#shared/deployment.ts';

export interface End {
  readonly endsAt: string;
  readonly endWarningAt: string;
}

const HOUR_MS = 3_600_000;
/** So much of the time is left when the warning comes, */
const WARNING_SHARE = 1 / 4;
/** but not more than these. */
const MAX_WARNING_HOURS = 6;

const after = (hours: number, now: Date): string => new Date(now.getTime() + hours * HOUR_MS).toISOString();

export function endAfter(hours: number, now: Date): End {
  const warningHours = Math.min(hours * WARNING_SHARE, MAX_WARNING_HOURS);
  return { endsAt: after(hours, now), endWarningAt: after(hours - warningHours, now) };
}

/** When a cluster is destroyed that is stopped now because its time is over. */
export const destroyAfterGrace = (now: Date): string => after(END_GRACE_HOURS, now);

/** @param now ISO 8601 */
export const isTimeOver = ({ endsAt }: Pick<Deployment, 'endsAt'>, now: string): boolean =>
  endsAt !== undefined && endsAt <= now;

/** When the sweep has its next step to take; `undefined` where there is none to wait for. */
export function endDueAt({ desired, phase, endsAt, endWarningAt, destroyAt }: Deployment): string | undefined {
  return desired.power !== 'destroyed' && !isTerminal(phase) ? (destroyAt ?? endWarningAt ?? endsAt) : undefined;
}

/** One that has not run yet has nothing to keep: it is destroyed at once. A warning that comes too late is left out. */
export function endStepAt(deployment: Deployment, now: string): 'warn' | 'stop' | 'destroy' | undefined {
  const dueAt = endDueAt(deployment);
  if (dueAt === undefined || dueAt > now) return undefined;
  if (!isTimeOver(deployment, now)) return 'warn';
  return hasRun(deployment) && deployment.destroyAt === undefined ? 'stop' : 'destroy';
}
