/**
 * One message, from receipt to deletion: is there still something to do, do it, and decide from the error's disposition what
 * becomes of the message. It is deleted only when the outcome of its generation is recorded in the control plane. What a message about
 * a warming takes is in handle-warming.ts.
 */
import { type Deployment, type Failure, hasRun, isOutcome, isUp } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { type DeploymentMessage, parseSiteMessage } from '#shared/messages.ts';
import { ActiveJobs } from './active-jobs.ts';
import type { ClusterPlan } from './core/plan-cluster.ts';
import { retryDelaySeconds } from './core/lease.ts';
import { deploy, type DeployPorts } from './deploy.ts';
import { destroy } from './destroy.ts';
import { finalFailure } from './final-failure.ts';
import { handleWarming } from './handle-warming.ts';
import { holdLease } from './heartbeat.ts';
import type { JobQueue, ReceivedMessage } from './ports.ts';
import { type Run, Stopwatch } from './run.ts';
import { clearNodes } from './steps/remove-cluster.ts';
import { runningNodes } from './steps/running-nodes.ts';
import { failureOf, repeatRunning, reportPhase } from './steps/report-status.ts';
import { giveUpScale, scale, type ScalePorts } from './scale.ts';
import { giveUpStart, start, type StartPorts } from './start.ts';
import { stop } from './stop.ts';

export type HandlePorts = DeployPorts & StartPorts & ScalePorts & { readonly queue: JobQueue };

/** @param shutdown aborted with SHUTDOWN when the agent is to stop. */
export function createMessageHandler(ports: HandlePorts, shutdown: AbortSignal) {
  const activeJobs = new ActiveJobs();

  return async (received: ReceivedMessage): Promise<void> => {
    const lease = holdLease(received, ports);
    try {
      const message = parseSiteMessage(received.body);
      const signal = AbortSignal.any([shutdown, lease.signal]);
      if ('warmingId' in message) {
        const turn = { jobId: message.warmingId, generation: 1 };
        await activeJobs.run(turn, signal, (either) => handleWarming(message, received, either, ports));
      } else {
        const turn = { jobId: message.deploymentId, generation: message.generation };
        await activeJobs.run(turn, signal, (either) => work(message, received, either, ports));
      }
    } catch (error) {
      await settle(error, received, ports);
    } finally {
      lease.stop();
    }
  };
}

async function work(
  message: DeploymentMessage,
  received: ReceivedMessage,
  signal: AbortSignal,
  ports: HandlePorts,
): Promise<void> {
  ports.log.info('message received', fieldsOf(received, message));
  const job = await ports.api.readJob(message.deploymentId, signal);
  const past = message.generation < job.deployment.desired.generation;
  if (!past && !isOutcome(job.deployment)) {
    const run: Run = {
      job,
      grant: message.grant,
      receivedAt: received.receivedAt,
      signal,
      stopwatch: new Stopwatch(),
    };
    await fulfill(run, received, ports);
  }
  await ports.queue.delete(received);
}

/**
 * Does what the member wishes now. A cluster that cannot be made is reported FAILED, after everything was cleared away; one that cannot
 * be started again is left off, and one that cannot be scaled runs on as it was.
 */
async function fulfill(run: Run, received: ReceivedMessage, ports: HandlePorts): Promise<void> {
  const { desired } = run.job.deployment;
  if (desired.power === 'destroyed') {
    await destroy(run, ports);
  } else if (desired.power === 'off') {
    await stop(run, ports);
  } else {
    await bringUp(run, received, ports);
  }
}

async function bringUp(run: Run, received: ReceivedMessage, ports: HandlePorts): Promise<void> {
  const { deployment } = run.job;
  const [bring, leave] = waysUp(deployment);
  try {
    await bring(run, ports);
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    const final = finalFailure(error, received.receiveCount);
    if (final === undefined) throw error;
    const failure = failureOf(final);
    logFailure(failure, deployment.deploymentId, ports);
    await leave(failure, run, ports);
  }
}

type Way = (run: Run, ports: HandlePorts) => Promise<void>;
type WayOut = (failure: Failure, run: Run, ports: HandlePorts) => Promise<void>;

/** How it comes to be as it is wished, and how it is left where that cannot be. */
function waysUp(deployment: Deployment): readonly [Way, WayOut] {
  if (!hasRun(deployment)) return [makeCluster, giveUp];
  return isUp(deployment.phase) ? [scale, giveUpScale] : [start, giveUpStart];
}

async function makeCluster(run: Run, ports: HandlePorts): Promise<void> {
  const { deploymentId, desired } = run.job.deployment;
  const entry = await ports.journal.read(deploymentId);
  const ours = entry?.generation === desired.generation ? entry : undefined;
  if (ours?.failed) await giveUp(ours.failed, run, ports);
  else if (ours?.running && (await runsWhole(ours.plan, ports))) {
    await repeatRunning(ours.plan, ours.running.timeline, run, ports);
  } else await deploy(run, ports);
}

/** Whether every node of the cluster runs: the host may have been restarted since the journal was written. */
async function runsWhole(plan: ClusterPlan, ports: HandlePorts): Promise<boolean> {
  const running = await runningNodes(plan, ports);
  return plan.nodes.every(({ name }) => running.has(name));
}

/** Written down first: whatever happens from here on, the job is not begun again. */
async function giveUp(failure: Failure, run: Run, ports: HandlePorts): Promise<void> {
  const { deployment } = run.job;
  const { deploymentId } = deployment;
  const entry = await ports.journal.read(deploymentId);
  if (entry !== undefined) await ports.journal.write({ ...entry, failed: failure });
  await clearNodes(deployment, ports);
  await reportPhase('FAILED', run, ports, { failure });
  await ports.journal.remove(deploymentId);
}

function logFailure({ code, message, step }: Failure, deploymentId: string, { log }: HandlePorts): void {
  log.error('deployment failed', {
    deploymentId,
    errorCode: code,
    reason: boundedText(message),
    ...(step !== undefined && { step }),
  });
}

/** What becomes of the message of a job that did not come to its end. */
async function settle(error: unknown, received: ReceivedMessage, ports: HandlePorts): Promise<void> {
  const { messageId, receiveCount } = received;
  const fields = { messageId, count: receiveCount, reason: boundedText(messageOf(error)) };
  try {
    if (hasCode(error, 'INVALID_MESSAGE', 'NOT_FOUND')) {
      ports.log.error('a message that nobody can work on', { ...fields, errorCode: error.code });
      await ports.journal.quarantine(received, error.message);
      await ports.queue.delete(received);
    } else if (hasCode(error, 'SUPERSEDED')) {
      ports.log.info('a newer wish took over', fields);
      await ports.queue.delete(received);
    } else if (hasCode(error, 'LEASE_LOST')) {
      ports.log.warn('the lease was lost; nothing further is touched', fields);
    } else if (hasCode(error, 'SHUTDOWN')) {
      await ports.queue.extend(received, 0);
    } else {
      const known = hasCode(error) ? { errorCode: error.code, disposition: error.disposition } : {};
      const reason = hasCode(error) ? fields.reason : boundedText(String((error as Error).stack ?? error));
      ports.log.warn('put off; it is tried again', { ...fields, ...known, reason });
      await ports.queue.extend(received, retryDelaySeconds(receiveCount));
    }
  } catch (failure) {
    // The visibility timeout brings the message back.
    ports.log.warn('the message could not be settled', { messageId, reason: messageOf(failure) });
  }
}

const fieldsOf = ({ messageId, receiveCount }: ReceivedMessage, { deploymentId, generation }: DeploymentMessage) => ({
  messageId,
  deploymentId,
  generation,
  count: receiveCount,
});
