/**
 * Every minute: delivers what a handler committed but could not deliver itself, warns of clusters whose time is nearly over, stops
 * those whose time is over and destroys them a day later, announces again what nobody works on, and takes stock of what is left.
 */
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { OutboxEntry } from '../ports.ts';
import { announceAgain, type AnnounceAgainPorts } from './announce-again.ts';
import { takeStock } from './take-stock.ts';
import { type EndsTended, tendEnds } from './tend-ends.ts';

/** A handler is given this long to deliver its own entries. */
const HANDLER_SECONDS = 10;
/** What is still here after this long needs a person. */
const OVERDUE_SECONDS = 3600;
/** One sweep goes through this many entries, so that it ends before the next one begins. */
const MAX_ENTRIES = 2000;

export type SweepPorts = AnnounceAgainPorts;

export interface Swept extends EndsTended {
  /** Entries of the outbox that were found, and how many of them were delivered. */
  readonly found: number;
  readonly delivered: number;
  /** Deployments and warmings that were announced again. */
  readonly announced: number;
}

export async function sweep(ports: SweepPorts): Promise<Swept> {
  try {
    const { found, delivered } = await deliverPending(ports);
    const { warned, stopped, destroyed } = await tendEnds(ports);
    const announced = await announceAgain(ports);
    const done = warned + stopped + destroyed + announced;
    const count = delivered + done;
    if (found + done > 0) ports.log.info('sweep', { operation: 'sweep', count });
    return { found, delivered, announced, warned, stopped, destroyed };
  } finally {
    // The alarms look at it, above all when something of the above went wrong.
    await takeStock(ports);
  }
}

/** Page by page: entries that cannot be delivered are not in the way of those behind them. */
async function deliverPending(ports: SweepPorts): Promise<Pick<Swept, 'found' | 'delivered'>> {
  const ago = (seconds: number): string => new Date(ports.now().getTime() - seconds * 1000).toISOString();
  const [createdBefore, overdue] = [ago(HANDLER_SECONDS), ago(OVERDUE_SECONDS)];
  let [found, delivered] = [0, 0];
  let page = await ports.outbox.pending(createdBefore);
  while (page.length > 0) {
    const left = await deliverOutbox(page, ports);
    found += page.length;
    delivered += page.length - left.length;
    reportOverdue(
      left.filter((entry) => entry.createdAt < overdue),
      ports,
    );
    page = found < MAX_ENTRIES ? await ports.outbox.pending(createdBefore, page.at(-1)?.entryId) : [];
  }
  return { found, delivered };
}

function reportOverdue(entries: readonly OutboxEntry[], { log }: DeliveryPorts): void {
  for (const { entryId, kind, createdAt } of entries) {
    log.error('outbox entry undelivered for more than an hour', {
      auditId: entryId,
      operation: kind,
      reason: `waiting since ${createdAt}`,
    });
  }
}
