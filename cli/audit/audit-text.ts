/** The audit trail for people. */
import type { AuditRecord } from '#shared/audit.ts';
import { table } from '../output.ts';
import type { AuditGap } from './find-gaps.ts';

export function auditTable(records: readonly AuditRecord[]): string {
  return table([['TIME', 'WHO', 'DECISION', 'ACTION', 'ABOUT', 'REASON'], ...records.map(row)]);
}

const row = ({ at, actor, decision, action, reason = '', ...about }: AuditRecord): string[] => [
  ...[at, actor, decision, action],
  [about.siteId, about.imageId, about.deploymentId, about.warmingId].filter(Boolean).join(' '),
  reason,
];

export function gapTable(gaps: readonly AuditGap[]): string {
  return table([
    ['WHAT', 'ID', 'RECORDS', 'FINDING'],
    ...gaps.map(({ subject, id, first, last, kind }) => [
      ...[subject, id, first === last ? String(first) : `${first}–${last}`],
      kind === 'missing' ? 'missing' : 'several records with this number',
    ]),
  ]);
}
