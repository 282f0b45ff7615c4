/** Lease arithmetic: our hold on a message, which SQS calls its visibility timeout. */

/** Short, so that a crashed agent's work is taken up soon; the queue is made with the same. */
export const VISIBILITY_TIMEOUT_SECONDS = 120;
/** Extend at a third of it: two beats may fail before the lease is in danger. */
export const HEARTBEAT_SECONDS = VISIBILITY_TIMEOUT_SECONDS / 3;
/** An extension holds this long for us: less than for SQS, so that the last side effect is over before others see the message. */
export const LEASE_SECONDS = VISIBILITY_TIMEOUT_SECONDS - 15;

/** When a job that was put off is tried again: 5 s, doubling, at most the visibility timeout. */
export function retryDelaySeconds(receiveCount: number): number {
  return Math.min(VISIBILITY_TIMEOUT_SECONDS, 5 * 2 ** Math.max(0, receiveCount - 1));
}

/**
 * A job that was put off this often is failed: it must reach a terminal state before SQS takes the message away to the
 * dead-letter queue (after 20 receives).
 */
export const MAX_RECEIVES = 12;
