/** What is asked of AWS, priced. Pure. */
import { LAMBDA_GIGABYTE_SECOND_USD, LOG_GIGABYTE_USD, MILLION_USD } from '#shared/aws-prices.ts';
import type { Operations } from './operations.ts';

/** Assumed: nobody has measured one on AWS. */
export const INVOCATION_SECONDS = 0.05;
export const MEMORY_GIGABYTES = 0.5;
const AUDIT_RECORD_BYTES = 1_000;

export const COLUMNS: readonly (readonly [column: keyof Operations, label: string, usdPerMillion: number])[] = [
  ['apiRequests', 'API requests', MILLION_USD.apiRequests],
  ['invocations', 'Lambda invocations', millionInvocationsUsd(INVOCATION_SECONDS)],
  ['readUnits', 'read units', MILLION_USD.readUnits],
  ['tableWriteUnits', 'written units, table', MILLION_USD.writeUnits],
  ['indexWriteUnits', 'written units, indexes', MILLION_USD.writeUnits],
  ['queueRequests', 'SQS requests', MILLION_USD.queueRequests],
  ['auditRecords', 'audit records', (AUDIT_RECORD_BYTES / 1e9) * LOG_GIGABYTE_USD * 1e6],
  ['secretReads', 'key reads', MILLION_USD.secretReads],
];

export function millionInvocationsUsd(seconds: number): number {
  return MILLION_USD.invocations + 1e6 * seconds * MEMORY_GIGABYTES * LAMBDA_GIGABYTE_SECOND_USD;
}

/** Of all columns together, or of those that are named. */
export function usdOf(operations: Operations, columns: readonly (keyof Operations)[] = COLUMNS.map(([name]) => name)) {
  return COLUMNS.filter(([column]) => columns.includes(column)).reduce(
    (sum, [column, , usdPerMillion]) => sum + (operations[column] / 1e6) * usdPerMillion,
    0,
  );
}
