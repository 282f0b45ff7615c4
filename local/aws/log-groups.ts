/** The log groups of CloudWatch Logs in memory, with the rules of its API reference that a writer of batches meets. */
import { AwsFault } from './aws-json.ts';

export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

export interface StoredLogEvent extends LogEvent {
  readonly eventId: string;
  readonly ingestionTime: number;
  readonly logStreamName: string;
}

export interface LogGroup {
  readonly name: string;
  deletionProtectionEnabled: boolean;
  retentionInDays: number | undefined;
  readonly streams: Map<string, LogStream>;
}

export interface LogStream {
  readonly name: string;
  readonly creationTime: number;
  /** In order of timestamp; equals in order of arrival. */
  readonly events: StoredLogEvent[];
}

/** PutLogEvents: the sum of all messages in UTF-8 plus this much for each event … */
const EVENT_OVERHEAD_BYTES = 26;
/** … is at most this. One event is at most as large. */
const MAX_BATCH_BYTES = 1_048_576;
const MAX_BATCH_EVENTS = 10_000;
const HOUR_MS = 3_600_000;
const MAX_AHEAD_MS = 2 * HOUR_MS;
const MAX_AGE_DAYS = 14;

/** Members of PutLogEvents' answer: indexes of the events that were left out while the others were kept. */
export interface RejectedLogEvents {
  readonly tooNewLogEventStartIndex?: number;
  readonly tooOldLogEventEndIndex?: number;
  readonly expiredLogEventEndIndex?: number;
}

/** Adds a batch. Gives a fault for one that breaks a rule as a whole, and what of it was rejected otherwise. */
export function putLogEvents(
  group: LogGroup,
  stream: LogStream,
  batch: readonly LogEvent[],
  now: number,
): RejectedLogEvents | AwsFault {
  const batchBytes = batch.reduce((sum, event) => sum + Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES, 0);
  if (batchBytes > MAX_BATCH_BYTES) return invalid(`Upload too large: ${batchBytes} bytes exceeds ${MAX_BATCH_BYTES}.`);
  if (batch.length > MAX_BATCH_EVENTS) return invalid(`More than ${MAX_BATCH_EVENTS} log events in a batch.`);
  if (batch.some((event, i) => event.timestamp < (batch[i - 1]?.timestamp ?? 0))) {
    return invalid('Log events in a single PutLogEvents request must be in chronological order.');
  }
  const expiry = now - (group.retentionInDays ?? Infinity) * 24 * HOUR_MS;
  const expired = batch.filter((event) => event.timestamp < expiry).length;
  const tooOld = batch.filter((event) => event.timestamp < now - MAX_AGE_DAYS * 24 * HOUR_MS).length;
  const kept = batch.filter((event) => event.timestamp <= now + MAX_AHEAD_MS).length;
  for (const event of batch.slice(Math.max(expired, tooOld), kept)) insert(stream, event, now);
  return {
    ...(kept < batch.length ? { tooNewLogEventStartIndex: kept } : {}),
    ...(tooOld > 0 ? { tooOldLogEventEndIndex: tooOld } : {}),
    ...(expired > 0 ? { expiredLogEventEndIndex: expired } : {}),
  };
}

function insert(stream: LogStream, event: LogEvent, ingestionTime: number): void {
  const before = stream.events.findLastIndex((other) => other.timestamp <= event.timestamp);
  const eventId = String(stream.events.length).padStart(56, '0');
  stream.events.splice(before + 1, 0, { ...event, eventId, ingestionTime, logStreamName: stream.name });
}

/**
 * Whether a message matches a filter pattern of plain terms, all of which it must contain; `"several words"` are one term.
 * Gives a fault for the other kinds of pattern: they are not served here.
 */
export function matcherOf(filterPattern: string): ((message: string) => boolean) | AwsFault {
  if (/^\s*[{[%]/.test(filterPattern) || /(^|\s)[?-]/.test(filterPattern)) {
    return invalid('Only filter patterns of plain terms are served here.');
  }
  const terms = [...filterPattern.matchAll(/"([^"]*)"|\S+/g)].map((match) => match[1] ?? match[0]);
  return (message) => terms.every((term) => message.includes(term));
}

const invalid = (message: string) => new AwsFault('InvalidParameterException', message);
