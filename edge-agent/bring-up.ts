/**
 * The wish is that the cluster be there and on, as large as it is wished: made, booted again, scaled, or only reported, as the federation
 * and the journal know it.
 */
import { type Deployment, type Failure, hasRun, isUp, type Timeline } from '#shared/deployment.ts';
import { hasCode } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import type { ClusterPlan } from './core/plan-cluster.ts';
import { deploy, type DeployPorts } from './deploy.ts';
import { finalFailure } from './final-failure.ts';
import type { JournalEntry } from './ports.ts';
import type { Run } from './run.ts';
import { giveUpScale, scale, type ScalePorts } from './scale.ts';
import { giveUpStart, start, type StartPorts } from './start.ts';
import { clearNodes } from './steps/remove-cluster.ts';
import { failureOf, repeatRunning, reportPhase } from './steps/report-status.ts';
import { runningNodes } from './steps/running-nodes.ts';

export type BringUpPorts = DeployPorts & StartPorts & ScalePorts;

type Way = (run: Run, ports: BringUpPorts) => Promise<void>;
type WayOut = (failure: Failure, run: Run, ports: BringUpPorts) => Promise<void>;

/**
 * A cluster that cannot be made is reported FAILED, after everything was cleared away. One that has run is never made anew: it is left
 * off where it cannot be started again, and runs on as it was where it cannot be scaled. Throws what is worth another try.
 */
export async function bringUp(run: Run, receiveCount: number, ports: BringUpPorts): Promise<void> {
  const { deployment } = run.job;
  const { deploymentId } = deployment;
  const [bring, leave] = waysUp(deployment, await ports.journal.read(deploymentId));
  try {
    await bring(run, ports);
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    const final = finalFailure(error, receiveCount);
    if (final === undefined || (await isOnlyUnsaid(error, deploymentId, ports))) throw error;
    const failure = failureOf(final);
    logFailure(failure, deploymentId, ports);
    await leave(failure, run, ports);
  }
}

/** How it comes to be as it is wished, and how it is left where that cannot be. */
function waysUp(deployment: Deployment, entry: JournalEntry | undefined): readonly [Way, WayOut] {
  if (hasRun(deployment)) return isUp(deployment.phase) ? [scale, giveUpScale] : [start, giveUpStart];
  const { plan, failed, running } = entry ?? {};
  if (failed) return [(run, ports) => giveUp(failed, run, ports), giveUp];
  // The journal knows that it has run before the federation does, and still where the federation's table was put back.
  if (plan && running) return [(run, ports) => goOn(plan, running.timeline, run, ports), giveUpStart];
  return [deploy, giveUp];
}

/** With a cluster that has run, of which the federation does not know that. */
async function goOn(plan: ClusterPlan, timeline: Timeline, run: Run, ports: BringUpPorts): Promise<void> {
  await ((await runsWhole(plan, ports)) ? repeatRunning(plan, timeline, run, ports) : start(run, ports));
}

/** Whether the cluster is up, and the API alone was not told: that costs no cluster, however often it is tried. */
async function isOnlyUnsaid(error: unknown, deploymentId: string, ports: BringUpPorts): Promise<boolean> {
  if (!hasCode(error, 'SERVICE_UNAVAILABLE')) return false;
  const entry = await ports.journal.read(deploymentId);
  return entry?.running !== undefined && (await runsWhole(entry.plan, ports));
}

/** Whether every node of the cluster runs: the host may have been restarted since the journal was written. */
async function runsWhole(plan: ClusterPlan, ports: BringUpPorts): Promise<boolean> {
  const running = await runningNodes(plan, ports);
  return plan.nodes.every(({ name }) => running.has(name));
}

/** Written down first: whatever happens from here on, the job is not begun again. */
async function giveUp(failure: Failure, run: Run, ports: BringUpPorts): Promise<void> {
  const { deployment } = run.job;
  const { deploymentId } = deployment;
  const entry = await ports.journal.read(deploymentId);
  if (entry !== undefined) await ports.journal.write({ ...entry, failed: failure });
  await clearNodes(deployment, ports);
  try {
    await reportPhase('FAILED', run, ports, { failure });
  } catch (error) {
    // Nobody is left who would want to know: its place is free all the same.
    if (!hasCode(error, 'NOT_FOUND')) throw error;
  }
  await ports.journal.remove(deploymentId);
}

function logFailure({ code, message, step }: Failure, deploymentId: string, { log }: BringUpPorts): void {
  log.error('deployment failed', {
    deploymentId,
    errorCode: code,
    reason: boundedText(message),
    ...(step !== undefined && { step }),
  });
}
