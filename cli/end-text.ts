/** The end of a deployment, in words: when it is stopped, when it is destroyed, and what keeps it. */
import { type Deployment, END_GRACE_HOURS, hasRun, isTerminal } from '#shared/deployment.ts';

type Ending = Pick<Deployment, 'deploymentId' | 'desired' | 'phase' | 'nodes' | 'endsAt' | 'destroyAt'>;

/** In a table. */
export function endInTable(deployment: Ending): string {
  const { endsAt, destroyAt } = deployment;
  if (endsAt === undefined || !isAwaited(deployment)) return '-';
  return destroyAt === undefined ? endsAt : `over, destroyed ${destroyAt}`;
}

export function endFields(deployment: Ending): (readonly [string, string])[] {
  const { deploymentId, endsAt, destroyAt } = deployment;
  if (endsAt === undefined || !isAwaited(deployment)) return [];
  if (destroyAt === undefined) {
    const then = hasRun(deployment) ? `: it is stopped then, and destroyed ${END_GRACE_HOURS} hours later` : '';
    return [['ends', endsAt + then]];
  }
  return [
    ['ended', `${endsAt}: its time is over, and it may not run`],
    ['destroyed', `${destroyAt}, with its disks. To keep it: edgeboot deployment extend ${deploymentId} --hours N`],
  ];
}

const isAwaited = ({ desired, phase }: Ending): boolean => desired.power !== 'destroyed' && !isTerminal(phase);
