/** Two real demos, with one compute and with more: what the control plane takes, and what each further node does. */
import { runDemoForTimeline } from './demo-timeline.ts';
import type { Work } from './surroundings.ts';

export interface Deployments {
  readonly heldSeconds: number;
  /** Of the agent's time, for each node beyond the first compute. */
  readonly furtherNodeSeconds: number;
}

const MORE_COMPUTES = 4;

export const deployments: Work<Deployments> = async () => {
  const few = await runDemoForTimeline(1);
  const more = await runDemoForTimeline(MORE_COMPUTES);
  return {
    heldSeconds: Math.max(few.heldSeconds, more.heldSeconds),
    furtherNodeSeconds: (more.nodesSeconds - few.nodesSeconds) / (MORE_COMPUTES - 1),
  };
};
