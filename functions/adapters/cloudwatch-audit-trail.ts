/** Reads the audit trail through CloudWatch Logs' own API: FilterLogEvents over the streams of all days. */
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  InvalidParameterException,
} from '@aws-sdk/client-cloudwatch-logs';
import { auditRecordSchema, type AuditRecord } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { AuditTrail } from '../ports.ts';

/** A page of records, as an answer of a function has room for (a Lambda's answer may have 6 MB). */
const PAGE_RECORDS = 1_000;

export class CloudWatchAuditTrail implements AuditTrail {
  readonly #client = new CloudWatchLogsClient({});
  readonly #logGroupName: string;

  constructor(logGroupName: string) {
    this.#logGroupName = logGroupName;
  }

  async read({ since, until, words, cursor }: Parameters<AuditTrail['read']>[0]) {
    const filter = new FilterLogEventsCommand({
      logGroupName: this.#logGroupName,
      startTime: Date.parse(since),
      // FilterLogEvents takes its endTime in.
      endTime: Date.parse(until) - 1,
      filterPattern: words.map((word) => `"${word}"`).join(' '),
      limit: PAGE_RECORDS,
      nextToken: cursor,
    });
    const { events = [], nextToken } = await this.#client.send(filter).catch((error: unknown) => {
      if (error instanceof InvalidParameterException) {
        throw new EdgebootError('INVALID_REQUEST', 'the trail has no such page', { cause: error });
      }
      // FilterLogEvents may be called five times a second by a whole account, and that quota is not raised.
      if ((error as Error).name !== 'ThrottlingException') throw error;
      throw new EdgebootError('THROTTLED', 'CloudWatch Logs is asked too often for now', { cause: error });
    });
    const records = events.map(({ message = '' }) => readRecord(message)).filter((record) => record !== undefined);
    return { records, nextCursor: nextToken };
  }
}

/** Somebody with the account's own rights may have written something else there: it is no record of ours. */
function readRecord(message: string): AuditRecord | undefined {
  try {
    return auditRecordSchema.safeParse(JSON.parse(message)).data;
  } catch {
    return undefined;
  }
}
