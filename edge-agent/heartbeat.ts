/** Keeps a message ours while we work on it, and stops the work when it may be ours no more. */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import { HEARTBEAT_SECONDS, LEASE_SECONDS, VISIBILITY_TIMEOUT_SECONDS } from './core/lease.ts';
import type { JobQueue, ReceivedMessage } from './ports.ts';

export interface Lease {
  /** Aborted with LEASE_LOST when the message may be somebody else's. */
  readonly signal: AbortSignal;
  /** Ends the heartbeat; the message stays invisible until its timeout. */
  stop(): void;
}

export interface HeartbeatOptions {
  readonly queue: JobQueue;
  readonly log: Log;
  readonly heartbeatSeconds?: number;
  readonly leaseSeconds?: number;
}

/** Starts beating for a message that was just received. */
export function holdLease(message: ReceivedMessage, options: HeartbeatOptions): Lease {
  const { queue, log, heartbeatSeconds = HEARTBEAT_SECONDS, leaseSeconds = LEASE_SECONDS } = options;
  const lost = new AbortController();
  let stopped = false;

  const stop = (): void => {
    stopped = true;
    clearInterval(beating);
    clearTimeout(deadline);
  };
  const lose = (): void => {
    stop();
    lost.abort(new EdgebootError('LEASE_LOST', 'the message may be delivered to another agent'));
  };
  /** Counts from when an extension was asked for: an answer that comes late, or never, prolongs nothing. */
  const loseAfter = (elapsedSeconds: number) => setTimeout(lose, Math.max(0, leaseSeconds - elapsedSeconds) * 1000);
  const beat = async (): Promise<void> => {
    const asked = performance.now();
    try {
      await queue.extend(message, VISIBILITY_TIMEOUT_SECONDS);
      if (stopped) return;
      clearTimeout(deadline);
      deadline = loseAfter((performance.now() - asked) / 1000);
    } catch (error) {
      if (stopped) return;
      log.warn('the lease was not extended', { messageId: message.messageId, reason: messageOf(error) });
      if (isGone(error)) lose();
    }
  };

  let deadline = loseAfter(0);
  const beating = setInterval(() => void beat(), heartbeatSeconds * 1000);
  return { signal: lost.signal, stop };
}

/** SQS knows our receipt no more: the message was deleted, or is no longer in flight. */
function isGone(error: unknown): boolean {
  return error instanceof Error && /ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue/.test(error.name);
}
