/** Long-polls the site's queue and hands each message on, several at a time. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '#shared/errors.ts';
import type { Log } from '#shared/log-fields.ts';
import type { JobQueue, ReceivedMessage } from './ports.ts';

/** Messages in hand at once. A message that wants a cluster gone must not wait behind long transfers. */
const MAX_IN_HAND = 32;
const MAX_PER_RECEIVE = 10;
const PAUSE_AFTER_FAILURE_MS = 2_000;
/** After a stop the messages in hand are given back; what takes longer comes back by its visibility timeout. */
const SETTLE_LIMIT_MS = 8_000;

export interface PollPorts {
  readonly queue: JobQueue;
  readonly log: Log;
  /** Never throws. */
  readonly handleMessage: (message: ReceivedMessage) => Promise<void>;
}

/** Runs until `signal` is aborted; resolves when every message in hand is settled, or after some seconds. */
export async function poll(ports: PollPorts, signal: AbortSignal): Promise<void> {
  const inHand = new Set<Promise<void>>();
  while (!signal.aborted) {
    if (inHand.size >= MAX_IN_HAND) await Promise.race(inHand);
    for (const message of await receive(ports, MAX_IN_HAND - inHand.size, signal)) {
      const settled = ports.handleMessage(message).finally(() => inHand.delete(settled));
      inHand.add(settled);
    }
  }
  await Promise.race([Promise.all(inHand), delay(SETTLE_LIMIT_MS)]);
}

async function receive(ports: PollPorts, room: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]> {
  try {
    return await ports.queue.receive(Math.min(room, MAX_PER_RECEIVE), signal);
  } catch (error) {
    if (signal.aborted) return [];
    ports.log.warn('the queue does not answer', { reason: messageOf(error) });
    await delay(PAUSE_AFTER_FAILURE_MS, undefined, { signal }).catch(() => undefined);
    return [];
  }
}
