/** What an agent reports about a deployment, and what the row becomes by it: the state machine at work. Pure. */
import * as z from 'zod';
import {
  computesOf,
  type Desired,
  failureSchema,
  hasMoved,
  mayFollow,
  nodeSchema,
  progressSchema,
  timelineSchema,
  type Deployment,
  PHASES,
} from './deployment.ts';
import { EdgebootError } from './errors.ts';

export const reportSchema = z.strictObject({
  /** Above those of all reports of this deployment that were made before: ReportNumbers. */
  sequence: z.int().nonnegative(),
  /** Which wish the agent works for. */
  generation: z.int().positive(),
  phase: z.enum(PHASES),
  /** The agent instance that holds the job: a second one of the same site is refused. */
  agentId: z.string().min(1).max(64),
  progress: progressSchema.optional(),
  nodes: z.array(nodeSchema).max(1001).optional(),
  failure: failureSchema.optional(),
  timeline: timelineSchema.optional(),
});
export type Report = z.infer<typeof reportSchema>;

/**
 * The row after a report. `changed` is false for one that is not newer than the last: it was applied, or has been overtaken.
 * Throws SUPERSEDED (the generation is past), CLAIMED_ELSEWHERE (another agent holds it), CONFLICT (no such transition).
 */
export function applyReport(row: Deployment, report: Report, now: string): { row: Deployment; changed: boolean } {
  if (report.generation < row.desired.generation) {
    throw new EdgebootError(
      'SUPERSEDED',
      `generation ${report.generation} is past: the deployment is at ${row.desired.generation}`,
    );
  }
  if (report.generation > row.desired.generation) {
    throw new EdgebootError('CONFLICT', `generation ${report.generation} was never asked for`);
  }
  if (row.agentId !== undefined && row.agentId !== report.agentId) {
    throw new EdgebootError('CLAIMED_ELSEWHERE', 'another agent of the site holds this deployment');
  }
  const { sequence } = report;
  if (row.reportSequence !== undefined && sequence <= row.reportSequence) return { row, changed: false };
  const heard = { ...row, agentId: report.agentId, reportSequence: sequence, version: row.version + 1 };
  const { progress, nodes, failure, timeline, phase } = report;
  const samePhase = row.phase === phase;
  // Progress of a phase that is over is no news; nor is a phase that is reported again.
  if (progress === undefined ? samePhase : !samePhase) return { row: heard, changed: true };
  // Where it stands is all that it says: nodes, and since when they run, are counted where the phase changes.
  if (samePhase) {
    const cameOn = hasMoved(row.progress, progress) && { progressedAt: now };
    return { row: { ...heard, updatedAt: now, ...cameOn, ...(progress && { progress }) }, changed: true };
  }
  if (!mayFollow(row.phase, phase)) {
    throw new EdgebootError('CONFLICT', `a deployment that is ${row.phase} cannot become ${phase}`);
  }
  return {
    changed: true,
    row: {
      ...heard,
      phase,
      updatedAt: now,
      progressedAt: now,
      ...(nodes && { nodes }),
      failure,
      desired: settled(row, report),
      ...(timeline && { timeline }),
      ...(phase === 'RUNNING' && { runningSince: now }),
    },
  };
}

/**
 * What is wished becomes what is, until its member wishes it again: of a start that failed, of computes that could not be added, and of
 * those that were still to come or go when the cluster was stopped.
 */
function settled({ desired, nodes: before }: Deployment, { phase, nodes }: Report): Desired {
  if (phase === 'STOPPED')
    return { ...desired, power: 'off', computes: before ? computesOf(before) : desired.computes };
  if (phase !== 'RUNNING' || nodes === undefined) return desired;
  return { ...desired, computes: Math.min(desired.computes, computesOf(nodes)) };
}
