/** Every minute: delivers what a handler committed but could not deliver itself. */
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';

/** A handler is given this long to deliver its own entries. */
const HANDLER_SECONDS = 10;

export interface SweepPorts extends DeliveryPorts {
  readonly now: () => Date;
}

/** Answers how many entries it found and how many of them it delivered. */
export async function sweep(ports: SweepPorts): Promise<{ found: number; delivered: number }> {
  const createdBefore = new Date(ports.now().getTime() - HANDLER_SECONDS * 1000).toISOString();
  const entries = await ports.outbox.pending(createdBefore);
  const delivered = await deliverOutbox(entries, ports);
  if (entries.length > 0) ports.log.info('sweep', { operation: 'sweep', count: delivered });
  return { found: entries.length, delivered };
}
