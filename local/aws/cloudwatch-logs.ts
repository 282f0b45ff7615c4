/** CloudWatch Logs, as far as the project calls it: the operations of its API over log-groups.ts. */
import * as z from 'zod';
import { startLoopbackServer } from '../loopback-server.ts';
import { AwsFault, awsJsonListener, operation } from './aws-json.ts';
import { matcherOf, putLogEvents, type LogGroup, type LogStream, type StoredLogEvent } from './log-groups.ts';

const groupName = z.string().regex(/^[.\-_/#A-Za-z0-9]{1,512}$/);
const streamName = z.string().regex(/^[^:*]{1,512}$/);
const groupInput = z.object({ logGroupName: groupName });
const createInput = groupInput.extend({ deletionProtectionEnabled: z.boolean().default(false) });
const streamInput = z.object({ logGroupName: groupName, logStreamName: streamName });
/** The only values that PutRetentionPolicy takes. */
const retentionDays = z.literal([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]);
const putInput = streamInput.extend({
  logEvents: z.array(z.object({ timestamp: z.int().nonnegative(), message: z.string().min(1) })).min(1),
});
const timeRange = { startTime: z.int().optional(), endTime: z.int().optional() };
const page = { limit: z.int().min(1).max(10_000).default(10_000), nextToken: z.string().regex(/^\d+$/).optional() };
const getInput = streamInput.extend({ ...timeRange, ...page, startFromHead: z.boolean().default(false) });
const filterInput = groupInput.extend({
  ...timeRange,
  ...page,
  logStreamNames: z.array(streamName).min(1).max(100).optional(),
  logStreamNamePrefix: streamName.optional(),
  filterPattern: z.string().max(1_024).default(''),
});
const describeGroupsInput = z.object({ logGroupNamePrefix: groupName.optional() });
const protectInput = z.object({ logGroupIdentifier: groupName, deletionProtectionEnabled: z.boolean() });
const describeInput = groupInput.extend({
  logStreamNamePrefix: streamName.optional(),
  orderBy: z.enum(['LogStreamName', 'LastEventTime']).default('LogStreamName'),
  descending: z.boolean().default(false),
});

export interface CloudWatchLogs {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Serves the groups on a loopback port; they start empty. */
export async function startCloudWatchLogs(): Promise<CloudWatchLogs> {
  const groups = new Map<string, LogGroup>();
  const missing = (what: string) => new AwsFault('ResourceNotFoundException', `The specified ${what} does not exist.`);
  const exists = (what: string) =>
    new AwsFault('ResourceAlreadyExistsException', `The specified ${what} already exists.`);
  const inGroup = (name: string, run: (group: LogGroup) => object) => {
    const group = groups.get(name);
    return group === undefined ? missing('log group') : run(group);
  };
  const inStream = (group: string, name: string, run: (stream: LogStream, group: LogGroup) => object) =>
    inGroup(group, (found) => {
      const stream = found.streams.get(name);
      return stream === undefined ? missing('log stream') : run(stream, found);
    });

  const server = await startLoopbackServer(
    awsJsonListener({
      targetPrefix: 'Logs_20140328',
      operations: {
        CreateLogGroup: operation(createInput, ({ logGroupName, deletionProtectionEnabled }) => {
          if (groups.has(logGroupName)) return exists('log group');
          const group = {
            name: logGroupName,
            deletionProtectionEnabled,
            retentionInDays: undefined,
            streams: new Map(),
          };
          groups.set(logGroupName, group);
          return {};
        }),
        DescribeLogGroups: operation(describeGroupsInput, ({ logGroupNamePrefix = '' }) => ({
          logGroups: [...groups.values()]
            .filter(({ name }) => name.startsWith(logGroupNamePrefix))
            .map(({ name, deletionProtectionEnabled }) => ({ logGroupName: name, deletionProtectionEnabled })),
        })),
        PutLogGroupDeletionProtection: operation(protectInput, (input) =>
          inGroup(input.logGroupIdentifier, (group) => {
            group.deletionProtectionEnabled = input.deletionProtectionEnabled;
            return {};
          }),
        ),
        DeleteLogGroup: operation(groupInput, ({ logGroupName }) =>
          inGroup(logGroupName, ({ deletionProtectionEnabled }) => {
            if (deletionProtectionEnabled) return new AwsFault('ValidationException', 'The log group is protected.');
            groups.delete(logGroupName);
            return {};
          }),
        ),
        PutRetentionPolicy: operation(groupInput.extend({ retentionInDays: retentionDays }), (input) =>
          inGroup(input.logGroupName, (group) => {
            group.retentionInDays = input.retentionInDays;
            return {};
          }),
        ),
        CreateLogStream: operation(streamInput, ({ logGroupName, logStreamName }) =>
          inGroup(logGroupName, ({ streams }) => {
            if (streams.has(logStreamName)) return exists('log stream');
            streams.set(logStreamName, { name: logStreamName, creationTime: Date.now(), events: [] });
            return {};
          }),
        ),
        PutLogEvents: operation(putInput, ({ logGroupName, logStreamName, logEvents }) =>
          inStream(logGroupName, logStreamName, (stream, group) => {
            const result = putLogEvents(group, stream, logEvents, Date.now());
            if (result instanceof AwsFault) return result;
            return Object.keys(result).length === 0 ? {} : { rejectedLogEventsInfo: result };
          }),
        ),
        GetLogEvents: operation(getInput, (input) =>
          inStream(input.logGroupName, input.logStreamName, (stream) => {
            const events = within(stream.events, input.startTime, input.endTime);
            const start = input.nextToken ?? (input.startFromHead ? 0 : Math.max(0, events.length - input.limit));
            const { shown, end } = slice(events, Number(start), input.limit);
            return { events: shown, nextForwardToken: String(end), nextBackwardToken: String(start) };
          }),
        ),
        FilterLogEvents: operation(filterInput, (input) =>
          inGroup(input.logGroupName, ({ streams }) => {
            const matches = matcherOf(input.filterPattern);
            if (matches instanceof AwsFault) return matches;
            const events = [...streams.values()]
              .filter(
                ({ name }) => input.logStreamNames?.includes(name) ?? name.startsWith(input.logStreamNamePrefix ?? ''),
              )
              .flatMap((stream) =>
                within(stream.events, input.startTime, input.endTime === undefined ? undefined : input.endTime + 1),
              )
              .filter((event) => matches(event.message))
              .sort((a, b) => a.timestamp - b.timestamp);
            const { shown, end } = slice(events, Number(input.nextToken ?? 0), input.limit);
            return { events: shown, ...(end < events.length ? { nextToken: String(end) } : {}) };
          }),
        ),
        DescribeLogStreams: operation(describeInput, (input) =>
          inGroup(input.logGroupName, ({ streams }) => {
            const found = [...streams.values()].filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ''));
            if (input.orderBy === 'LogStreamName') found.sort((a, b) => (a.name < b.name ? -1 : 1));
            else found.sort((a, b) => (lastTime(a) ?? 0) - (lastTime(b) ?? 0));
            return { logStreams: (input.descending ? found.reverse() : found).map(describe) };
          }),
        ),
      },
    }),
  );
  return { endpoint: server.url, close: () => server.close() };
}

/** From `startTime` on, before `endBefore`: GetLogEvents leaves its endTime out, FilterLogEvents takes it in. */
function within(events: readonly StoredLogEvent[], startTime = -Infinity, endBefore = Infinity) {
  return events.filter(({ timestamp }) => timestamp >= startTime && timestamp < endBefore);
}

function slice(events: readonly StoredLogEvent[], start: number, limit: number) {
  const shown = events.slice(start, start + limit);
  return { shown, end: start + shown.length };
}

const lastTime = (stream: LogStream) => stream.events.at(-1)?.timestamp;
const describe = (stream: LogStream) => ({
  logStreamName: stream.name,
  creationTime: stream.creationTime,
  firstEventTimestamp: stream.events[0]?.timestamp,
  lastEventTimestamp: lastTime(stream),
});
