/** What AWS is asked for, by step of a deployment's life; summed up from the calls that were seen. Pure. */
import type { AwsCall } from '../../local/aws/calls.ts';
import type { Consumed } from './capacity-meter.ts';

export interface Operations {
  readonly apiRequests: number;
  /** The authorizer, the function, and whom it invokes. */
  readonly invocations: number;
  /** As DynamoDB bills them: by size, twice in a transaction. */
  readonly readUnits: number;
  readonly tableWriteUnits: number;
  readonly indexWriteUnits: number;
  readonly queueRequests: number;
  readonly auditRecords: number;
  /** Of the signing key. */
  readonly secretReads: number;
}

/** By name, in the order of a deployment's life. */
export type Step =
  | 'a site: heartbeat'
  | 'a site: session'
  | 'a site: poll of its queue'
  | 'request a cluster'
  | 'take the message'
  | 'keep the message'
  | 'read the job'
  | 'report a phase'
  | 'report progress'
  | 'renew the grant'
  | 'report that it runs'
  | 'delete the message'
  | 'the member looks'
  | 'the member reads its history'
  | 'destroy'
  | 'report that it is gone'
  | 'the sweep';

export type Measured = ReadonlyMap<Step, Operations>;

const NOTHING: Operations = {
  ...{ apiRequests: 0, invocations: 0, readUnits: 0, tableWriteUnits: 0, indexWriteUnits: 0 },
  ...{ queueRequests: 0, auditRecords: 0, secretReads: 0 },
};

export const operations = (some: Partial<Operations>): Operations => ({ ...NOTHING, ...some });

export function sumOf(calls: readonly AwsCall[], consumed: readonly Consumed[], apiRequests: number): Operations {
  const having = (pattern: RegExp): number => calls.filter(({ action }) => pattern.test(action)).length;
  const units = (kind: 'readUnits' | 'tableWriteUnits' | 'indexWriteUnits'): number =>
    consumed.reduce((sum, one) => sum + one[kind], 0);
  return {
    apiRequests,
    invocations: 2 * apiRequests + having(/^lambda:InvokeFunction$/),
    readUnits: units('readUnits'),
    tableWriteUnits: units('tableWriteUnits'),
    indexWriteUnits: units('indexWriteUnits'),
    queueRequests: having(/^sqs:/),
    auditRecords: having(/^logs:PutLogEvents$/),
    secretReads: having(/^secretsmanager:GetSecretValue$/),
  };
}
