/** The audit trail as the API gives it: page by page, the same record now and then twice. */
import type { ApiClient } from '#shared/api-client.ts';
import {
  type AuditCounts,
  auditCountsResponse,
  auditPageResponse,
  type AuditQuery,
  MAX_AUDIT_COUNTS_PER_REQUEST,
} from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import type { subjectsOf } from './find-gaps.ts';

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

/** How many records there should be of each. */
export async function readCounts(
  api: ApiClient,
  subjects: ReturnType<typeof subjectsOf>,
): Promise<AuditCounts['counts']> {
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
