/** When a deployment ends by itself, when its member is warned of that, and what the sweep has next to do about it. Pure. */
import { type Deployment, isTerminal } from '#shared/deployment.ts';

export interface End {
  readonly endsAt: string;
  readonly endWarningAt: string;
}

const HOUR_MS = 3_600_000;
/** So much of the time is left when the warning comes, */
const WARNING_SHARE = 1 / 4;
/** but not more than these. */
const MAX_WARNING_HOURS = 6;

export function endAfter(hours: number, now: Date): End {
  const inHours = (count: number): string => new Date(now.getTime() + count * HOUR_MS).toISOString();
  return { endsAt: inHours(hours), endWarningAt: inHours(hours - Math.min(hours * WARNING_SHARE, MAX_WARNING_HOURS)) };
}

/** When the sweep has to warn of the end, or, once it has, to bring it about; `undefined` where there is none to wait for. */
export function endDueAt({ desired, phase, endsAt, endWarningAt }: Deployment): string | undefined {
  return desired.power !== 'destroyed' && !isTerminal(phase) ? (endWarningAt ?? endsAt) : undefined;
}
