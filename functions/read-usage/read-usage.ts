/**
 * What was consumed in a month: a member's own; everybody's at a site where an operator of it asks, and everybody's or another member's
 * where one of the federation does. What is over is counted already; what runs is counted until now.
 */
import { type ConsumptionRow, type UsageAnswer, type UsageQuery, usageToken } from '#shared/api/usage.ts';
import * as z from 'zod';
import { consumedSoFar, consumptionKey, runningKey, type RunningCluster } from '../consumption.ts';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { ConsumptionStore, SiteStore } from '../ports.ts';
import { findOperatedSite, recordReading, requireReadingOperator } from '../require-operator.ts';

export interface ReadUsagePorts extends DeliveryPorts {
  readonly consumption: ConsumptionStore;
  readonly sites: SiteStore;
  readonly now: () => Date;
}

const PAGE_ROWS = 1_000;

/** Throws FORBIDDEN where it is not the asker's to see; who reads others' is on record. NOT_FOUND for a site that is not there. */
export async function readUsage(member: Member, query: UsageQuery, ports: ReadUsagePorts): Promise<UsageAnswer> {
  const now = ports.now().toISOString();
  const { month = now.slice(0, 7), memberId = member.memberId, siteId, everybody, next } = query;
  const soFar = (clusters: readonly RunningCluster[]): readonly ConsumptionRow[] =>
    clusters.flatMap((cluster) => consumedSoFar(cluster, month, now) ?? []);
  await requireReader(member, query, ports);
  if (everybody === undefined && siteId === undefined) {
    const [counted, running] = await Promise.all([
      ports.consumption.listOf(memberId, month),
      ports.consumption.listRunningOf(memberId),
    ]);
    return { month, usage: [...counted, ...soFar(running)] };
  }
  const { rows, nextToken } = await readPage(month, next, siteId, soFar, ports.consumption);
  return { month, usage: [...rows], ...(nextToken !== undefined && { next: nextToken }) };
}

/** Throws FORBIDDEN, NOT_FOUND. */
async function requireReader(member: Member, query: UsageQuery, ports: ReadUsagePorts): Promise<void> {
  const { memberId = member.memberId, siteId, everybody } = query;
  const action = 'usage.read';
  if (siteId !== undefined) {
    await findOperatedSite(member, siteId, action, ports);
    const reason = 'the usage there';
    await recordReading({ actor: `member:${member.memberId}`, action, siteId, reason }, ports);
  } else if (everybody !== undefined || memberId !== member.memberId) {
    const read = `the usage of ${everybody === undefined ? memberId : 'everybody'}`;
    await requireReadingOperator(member, action, 'read the usage of others', read, ports);
  }
}

/** A place in the order of all rows: first what is counted, then what runs. */
const RUNNING_PLACE = 'running ';

interface Page {
  readonly rows: readonly ConsumptionRow[];
  readonly nextToken?: string;
}

async function readPage(
  month: string,
  place: string | undefined,
  siteId: string | undefined,
  soFar: (clusters: readonly RunningCluster[]) => readonly ConsumptionRow[],
  consumption: ConsumptionStore,
): Promise<Page> {
  if (place?.startsWith(RUNNING_PLACE)) {
    const read = (behind: string | undefined) => consumption.listRunning(behind, PAGE_ROWS + 1);
    const { page, last } = await readAt(siteId, place.slice(RUNNING_PLACE.length) || undefined, read, runningKey);
    return { rows: soFar(page), ...(last !== undefined && { nextToken: tokenOf(RUNNING_PLACE + last) }) };
  }
  const read = (behind: string | undefined) => consumption.list(month, behind, PAGE_ROWS + 1);
  const { page, last } = await readAt(siteId, place, read, consumptionKey);
  return { rows: page, nextToken: tokenOf(last ?? RUNNING_PLACE) };
}

const tokenOf = (place: string): string => z.encode(usageToken, place);

/**
 * Those of a site, or of all. `last` is the key of the last of them, where there may be more: a token can be read, and who was at
 * other sites is not for it to say. So it reads on until there is one.
 */
async function readAt<Row extends Pick<ConsumptionRow, 'siteId'>>(
  siteId: string | undefined,
  place: string | undefined,
  read: (behind: string | undefined) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): Promise<{ readonly page: readonly Row[]; readonly last?: string }> {
  let behind = place;
  for (;;) {
    const rows = await read(behind);
    const there = rows.slice(0, PAGE_ROWS);
    const page = there.filter((row) => siteId === undefined || row.siteId === siteId);
    const [lastThere, last] = [there.at(-1), page.at(-1)];
    if (rows.length <= PAGE_ROWS || lastThere === undefined) return { page };
    if (last !== undefined) return { page, last: keyOf(last) };
    behind = keyOf(lastThere);
  }
}
