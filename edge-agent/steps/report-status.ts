/** Tells the control plane how far the work is. */
import type { Report } from '#shared/apply-report.ts';
import type { DeployedNode, Failure, Phase, Timeline } from '#shared/deployment.ts';
import { type EdgebootError, messageOf } from '#shared/errors.ts';
import { boundedText, type Log } from '#shared/log-fields.ts';
import type { ClusterPlan } from '../core/plan-cluster.ts';
import type { FederationApi, HostDescription, Journal } from '../ports.ts';
import type { Run } from '../run.ts';
import type { FetchedImage } from './fetched-image.ts';

export interface ReportPorts {
  readonly api: FederationApi;
  readonly journal: Journal;
  readonly log: Log;
  readonly agentId: string;
  readonly host: HostDescription;
}

/** Also our claim on the job. Throws SUPERSEDED, CLAIMED_ELSEWHERE, SERVICE_UNAVAILABLE. */
export async function reportPhase(
  phase: Phase,
  run: Run,
  ports: ReportPorts,
  detail: Pick<Report, 'nodes' | 'timeline' | 'failure'> = {},
): Promise<void> {
  run.signal.throwIfAborted();
  const { deploymentId, desired } = run.job.deployment;
  const { generation } = desired;
  await ports.api.report(deploymentId, { ...reportOf(phase, run, ports), ...detail }, run.signal);
  ports.log.info('phase reached', { deploymentId, generation, phase });
}

/** How far the transfer is, in whichever phase. Nothing depends on it: what cannot be said now is said next time. */
export async function reportProgress(
  phase: 'FETCHING' | 'SCALING',
  progress: NonNullable<Report['progress']>,
  run: Run,
  ports: ReportPorts,
): Promise<void> {
  const { deploymentId } = run.job.deployment;
  try {
    await ports.api.report(deploymentId, { ...reportOf(phase, run, ports), progress }, run.signal);
  } catch (error) {
    ports.log.debug('progress not reported', { deploymentId, reason: messageOf(error) });
  }
}

function reportOf(phase: Phase, { job, numbers }: Run, { agentId }: ReportPorts): Report {
  const { generation } = job.deployment.desired;
  return { sequence: numbers.next(Date.now()), generation, phase, agentId };
}

/** Of a cluster that is booted again. */
export const NOTHING_FETCHED: Pick<FetchedImage, 'transfer'> = {
  transfer: { bytesFetched: 0, partsFetched: 0, edgeLocations: [], cacheHits: 0, cacheMisses: 0 },
};

/** The cluster is up: written down first, so that after a crash only the report is made again. */
export async function reportRunning(
  plan: ClusterPlan,
  { transfer }: Pick<FetchedImage, 'transfer'>,
  run: Run,
  ports: ReportPorts,
): Promise<void> {
  const timeline: Timeline = {
    messageReceivedAt: run.receivedAt.toISOString(),
    steps: run.stopwatch.steps,
    ...transfer,
    acceleration: ports.host.acceleration,
  };
  const entry = await ports.journal.read(plan.deploymentId);
  if (entry !== undefined) await ports.journal.write({ ...entry, running: { timeline } });
  await repeatRunning(plan, timeline, run, ports);
}

/** Throws SUPERSEDED, CLAIMED_ELSEWHERE, SERVICE_UNAVAILABLE. */
export async function repeatRunning(
  plan: ClusterPlan,
  timeline: Timeline,
  run: Run,
  ports: ReportPorts,
): Promise<void> {
  await reportPhase('RUNNING', run, ports, { nodes: deployedNodes(plan), timeline });
}

/** As the control plane knows them: by them it knows, too, that a cluster has run. */
export function deployedNodes({ nodes, publicAddress }: ClusterPlan): DeployedNode[] {
  return nodes.map(({ name, role, privateAddress }) => ({
    ...{ name, role, privateAddress },
    ...(role === 'frontend' && { publicAddress }),
  }));
}

const MAX_MESSAGE_CHARACTERS = 4000;

/**
 * What a person is told about an error. Control characters are escaped, line by line; of a long text the end is kept, where a
 * console tells why it came to it.
 */
export function failureOf(error: EdgebootError): Failure {
  const message = error.message.split('\n').map(boundedText).join('\n');
  return {
    code: error.code,
    message: message.length > MAX_MESSAGE_CHARACTERS ? `…${message.slice(-MAX_MESSAGE_CHARACTERS)}` : message,
    remedy: boundedText(error.remedy),
    ...(error.step !== undefined && { step: error.step }),
  };
}
