/**
 * One message, from receipt to deletion: is there still something to do, do it, and decide from the error's disposition what
 * becomes of the message. It is deleted only when the outcome of its generation is recorded in the control plane. What a message about
 * a warming takes is in handle-warming.ts.
 */
import { isOutcome } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { type DeploymentMessage, parseSiteMessage } from '#shared/messages.ts';
import { ActiveJobs } from './active-jobs.ts';
import { bringUp, type BringUpPorts } from './bring-up.ts';
import { retryDelaySeconds } from './core/lease.ts';
import { ReportNumbers } from './core/report-numbers.ts';
import { destroy } from './destroy.ts';
import { handleWarming } from './handle-warming.ts';
import { holdLease } from './heartbeat.ts';
import type { JobQueue, ReceivedMessage } from './ports.ts';
import { type Run, Stopwatch } from './run.ts';
import { stop } from './stop.ts';

export type HandlePorts = BringUpPorts & { readonly queue: JobQueue };

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
      numbers: new ReportNumbers(job.deployment.reportSequence),
    };
    await fulfill(run, received, ports);
  }
  await ports.queue.delete(received);
}

/** Does what the member wishes now. */
async function fulfill(run: Run, received: ReceivedMessage, ports: HandlePorts): Promise<void> {
  const { desired } = run.job.deployment;
  if (desired.power === 'destroyed') {
    await destroy(run, ports);
  } else if (desired.power === 'off') {
    await stop(run, ports);
  } else {
    await bringUp(run, received.receiveCount, ports);
  }
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
