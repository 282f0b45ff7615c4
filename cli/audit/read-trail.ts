/** The audit trail as the API gives it: page by page, the same record now and then twice. */
import type { ApiClient } from '#shared/api-client.ts';
import {
  type AuditCounts,
  auditCountsResponse,
  auditPageResponse,
  type AuditSubject,
  auditSubjectsResponse,
  type AuditQuery,
  MAX_AUDIT_COUNTS_PER_REQUEST,
} from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import { decodeTime } from 'ulid';

const DAY_MS = 24 * 3_600_000;

/** Oldest first, each record once, `limit` at most. @param onPage how many there are so far */
export async function readTrail(
  api: ApiClient,
  query: Omit<AuditQuery, 'cursor'>,
  limit: number,
  onPage: (records: number) => void,
): Promise<{ readonly records: readonly AuditRecord[]; readonly isAll: boolean }> {
  const records = new Map<string, AuditRecord>();
  let cursor: string | undefined;
  do {
    const asked = Object.entries({ ...query, cursor }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const page = await api.call({
      ...{ method: 'GET', path: '/v1/audit', query: Object.fromEntries(asked), answer: auditPageResponse },
    });
    for (const record of page.records) records.set(record.auditId, record);
    cursor = page.nextCursor;
    onPage(records.size);
  } while (cursor !== undefined && records.size <= limit);
  const sorted = [...records.values()].sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
  return { records: sorted.slice(0, limit), isAll: cursor === undefined && sorted.length <= limit };
}

/** What began from `since` until before `until` (ISO 8601). */
export async function readBegun(
  api: ApiClient,
  { since, until }: { readonly since: string; readonly until: string },
): Promise<readonly AuditSubject[]> {
  const begun: AuditSubject[] = [];
  for (const day of daysOf(since, until)) {
    let next: string | undefined;
    do {
      const query = { day, ...(next !== undefined && { next }) };
      const page = await api.call({ method: 'GET', path: '/v1/audit/subjects', query, answer: auditSubjectsResponse });
      begun.push(...page.subjects);
      next = page.next;
    } while (next !== undefined);
  }
  const [from, to] = [Date.parse(since), Date.parse(until)];
  return begun.filter(({ id }) => decodeTime(id) >= from && decodeTime(id) < to);
}

/** The days, YYYY-MM-DD in UTC, that have a moment of these. */
function daysOf(since: string, until: string): readonly string[] {
  const dayOf = (time: string): number => Math.floor(Date.parse(time) / DAY_MS);
  const first = dayOf(since);
  const count = dayOf(until) - first + 1;
  return Array.from({ length: count }, (_, i) => new Date((first + i) * DAY_MS).toISOString().slice(0, 10));
}

/** How many records there should be of each. */
export async function readCounts(api: ApiClient, subjects: readonly AuditSubject[]): Promise<AuditCounts['counts']> {
  const counts: AuditCounts['counts'] = [];
  for (let i = 0; i < subjects.length; i += MAX_AUDIT_COUNTS_PER_REQUEST) {
    const some = subjects.slice(i, i + MAX_AUDIT_COUNTS_PER_REQUEST);
    const idsOf = (kind: string) => some.filter(({ subject }) => subject === kind).map(({ id }) => id);
    const body = { deploymentIds: idsOf('deployment'), warmingIds: idsOf('warming') };
    const answer = await api.call({ method: 'POST', path: '/v1/audit/counts', body, answer: auditCountsResponse });
    counts.push(...answer.counts);
  }
  return counts;
}
