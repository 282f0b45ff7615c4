/**
 * Whether the audit trail is whole: of each deployment and warming that began there are records, numbered without gaps, and its row says
 * up to which number. Refusals have no numbers: that one of them is gone cannot be told. Pure.
 */
import type { AuditCounts, AuditSubject } from '#shared/api/audit-trail.ts';
import type { AuditRecord } from '#shared/audit.ts';
import { decodeTime } from 'ulid';

export interface AuditGap extends AuditSubject {
  /** Inclusive. */
  readonly first: number;
  readonly last: number;
  /** `forged`: a number is there with two records. */
  readonly kind: 'missing' | 'forged';
}

/** A decision's records may be on their way so long: the sweep delivers what was not delivered at once. */
const DELIVERY_MINUTES = 15;

/** The deployments and warmings that records are about, and those that began: each once. */
export function subjectsOf(records: readonly AuditRecord[], begun: readonly AuditSubject[]): readonly AuditSubject[] {
  const subjects = [...begun, ...records.map(subjectOf).filter((subject) => subject !== undefined)];
  return [...new Map(subjects.map((subject) => [subject.id, subject])).values()];
}

/**
 * @param records all from `since` until `until` (ISO 8601), in any order; a record may be there several times
 * @param subjects of which there should be records
 * @param counts how many there should be by now. What is younger than `until`, or may still be on its way, is not missing
 */
export function findGaps(
  records: readonly AuditRecord[],
  subjects: readonly AuditSubject[],
  counts: AuditCounts['counts'],
  { since, until }: { readonly since: string; readonly until: string },
): readonly AuditGap[] {
  const deliveredBefore = Date.parse(until) - DELIVERY_MINUTES * 60_000;
  const countOf = new Map(counts.map((count) => [count.id, count]));
  const recordsOf = Map.groupBy(records, (record) => subjectOf(record)?.id);
  return subjects.flatMap(({ subject, id }) => {
    const auditIds = new Map<number, Set<string>>();
    for (const { sequence, auditId } of recordsOf.get(id) ?? []) {
      if (sequence === undefined) continue;
      auditIds.set(sequence, (auditIds.get(sequence) ?? new Set()).add(auditId));
    }
    const numbers = [...auditIds.keys()].sort((a, b) => a - b);
    const count = countOf.get(id);
    const isSettled = count && Date.parse(count.updatedAt) < deliveredBefore;
    // Whatever began has a first record; of a row that is forgotten no more is known.
    const began = decodeTime(id) < deliveredBefore ? 1 : 0;
    const last = Math.max(isSettled ? count.records : 0, count ? 0 : began, numbers.at(-1) ?? 0);
    // Those of before `since` were not read.
    const first = decodeTime(id) >= Date.parse(since) ? 1 : (numbers[0] ?? last + 1);
    const forged = numbers.filter((number) => (auditIds.get(number)?.size ?? 0) > 1);
    return [
      ...missingRanges(numbers, first, last).map((range) => ({ subject, id, ...range, kind: 'missing' }) as const),
      ...forged.map((number) => ({ subject, id, first: number, last: number, kind: 'forged' }) as const),
    ];
  });
}

function subjectOf({ sequence, deploymentId, warmingId }: AuditRecord): AuditSubject | undefined {
  if (sequence === undefined) return undefined;
  if (deploymentId !== undefined) return { subject: 'deployment', id: deploymentId };
  return warmingId === undefined ? undefined : { subject: 'warming', id: warmingId };
}

function missingRanges(numbers: readonly number[], first: number, last: number) {
  const edges = [first - 1, ...numbers.filter((number) => number >= first), last + 1];
  return edges.flatMap((number, i) => {
    const next = edges[i + 1];
    return next === undefined || next <= number + 1 ? [] : [{ first: number + 1, last: next - 1 }];
  });
}
