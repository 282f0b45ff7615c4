/** The audit trail in CloudWatch Logs: a log group of its own, a stream a day. */
import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import type { AuditRecord } from '#shared/audit.ts';
import type { AuditLog } from '../ports.ts';

export class CloudWatchAuditLog implements AuditLog {
  readonly #client = new CloudWatchLogsClient({});
  readonly #logGroupName: string;

  constructor(logGroupName: string) {
    this.#logGroupName = logGroupName;
  }

  async append(records: readonly AuditRecord[]): Promise<void> {
    const first = records[0];
    if (first === undefined) return;
    const logStreamName = first.at.slice(0, 10);
    const put = new PutLogEventsCommand({
      logGroupName: this.#logGroupName,
      logStreamName,
      logEvents: records.map((record) => ({ timestamp: Date.parse(record.at), message: JSON.stringify(record) })),
    });
    try {
      await this.#put(put);
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      await this.#createStream(logStreamName);
      await this.#put(put);
    }
  }

  /** PutLogEvents answers 200 for records that it drops (too old, too new): that is a failure here. */
  async #put(command: PutLogEventsCommand): Promise<void> {
    const answer = await this.#client.send(command);
    if (answer.rejectedLogEventsInfo) throw new Error('CloudWatch Logs rejected an audit record');
  }

  async #createStream(logStreamName: string): Promise<void> {
    try {
      await this.#client.send(new CreateLogStreamCommand({ logGroupName: this.#logGroupName, logStreamName }));
    } catch (error) {
      if (!(error instanceof ResourceAlreadyExistsException)) throw error;
    }
  }
}
