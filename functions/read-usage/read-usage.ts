/** What was consumed in a month: a member's own, or everybody's where an operator of the federation asks. */
import { type UsageAnswer, type UsageQuery, usageToken } from '#shared/api/usage.ts';
import * as z from 'zod';
import { consumptionKey } from '../consumption.ts';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { ConsumptionStore } from '../ports.ts';
import { requireReadingOperator } from '../require-operator.ts';

export interface ReadUsagePorts extends DeliveryPorts {
  readonly consumption: ConsumptionStore;
  readonly now: () => Date;
}

const PAGE_ROWS = 1_000;

/** Throws FORBIDDEN where another member's, or everybody's, is not the asker's to see; both are on record. */
export async function readUsage(member: Member, query: UsageQuery, ports: ReadUsagePorts): Promise<UsageAnswer> {
  const { month = ports.now().toISOString().slice(0, 7), memberId, everybody, next } = query;
  const isOwn = everybody === undefined && (memberId ?? member.memberId) === member.memberId;
  if (!isOwn) {
    const whose = everybody === undefined ? memberId : undefined;
    const read = `the usage of ${whose ?? 'everybody'}`;
    await requireReadingOperator(member, 'usage.read', 'read the usage of others', read, ports);
  }
  if (everybody === undefined) {
    return { month, usage: [...(await ports.consumption.listOf(memberId ?? member.memberId, month))] };
  }
  const rows = await ports.consumption.list(month, next, PAGE_ROWS + 1);
  const usage = rows.slice(0, PAGE_ROWS);
  const last = usage.at(-1);
  const isMore = rows.length > PAGE_ROWS && last !== undefined;
  return { month, usage, ...(isMore && { next: z.encode(usageToken, consumptionKey(last)) }) };
}
