/** Keeps a message ours while we work on it, and stops the work when it is ours no more. */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import { HEARTBEAT_SECONDS, leaseHolds, VISIBILITY_TIMEOUT_SECONDS } from './core/lease.ts';
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
  /** Monotonic. */
  readonly nowSeconds?: () => number;
}

/** Starts beating for a message that was just received. */
export function holdLease(message: ReceivedMessage, options: HeartbeatOptions): Lease {
  const { queue, log, heartbeatSeconds = HEARTBEAT_SECONDS } = options;
  const nowSeconds = options.nowSeconds ?? (() => performance.now() / 1000);
  const lost = new AbortController();
  let extendedAtSeconds = nowSeconds();

  const beat = async (): Promise<void> => {
    const askedAtSeconds = nowSeconds();
    try {
      await queue.extend(message, VISIBILITY_TIMEOUT_SECONDS);
      extendedAtSeconds = askedAtSeconds;
    } catch (error) {
      log.warn('the lease was not extended', { messageId: message.messageId, reason: messageOf(error) });
      if (!leaseHolds(extendedAtSeconds, nowSeconds() + heartbeatSeconds) || isGone(error)) lose();
    }
  };
  const lose = (): void => {
    clearInterval(timer);
    lost.abort(new EdgebootError('LEASE_LOST', 'the message may be delivered to another agent'));
  };
  const timer = setInterval(() => void beat(), heartbeatSeconds * 1000);
  return { signal: lost.signal, stop: () => clearInterval(timer) };
}

/** SQS knows our receipt no more: the message was deleted, or is no longer in flight. */
function isGone(error: unknown): boolean {
  return error instanceof Error && /ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue/.test(error.name);
}
