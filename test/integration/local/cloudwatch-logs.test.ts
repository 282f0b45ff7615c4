import assert from 'node:assert/strict';
import { suite, test, before, after } from 'node:test';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  PutLogGroupDeletionProtectionCommand,
  PutRetentionPolicyCommand,
  type InputLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { startCloudWatchLogs, type CloudWatchLogs } from '../../../local/aws/cloudwatch-logs.ts';
import { clientOptions } from './client-options.ts';

const DAY_MS = 86_400_000;

void suite('CloudWatch Logs', { timeout: 20_000 }, () => {
  let service: CloudWatchLogs;
  let logs: CloudWatchLogsClient;
  before(async () => {
    service = await startCloudWatchLogs();
    logs = new CloudWatchLogsClient(clientOptions(service.endpoint));
  });
  after(async () => {
    logs.destroy();
    await service.close();
  });

  const createStream = async (logGroupName: string, ...logStreamNames: string[]) => {
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    for (const logStreamName of logStreamNames) {
      await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    }
  };
  const put = (logGroupName: string, logStreamName: string, logEvents: InputLogEvent[]) =>
    logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));

  void test('events of all streams are found by time and term, in order and page by page', async () => {
    await createStream('/edgeboot/audit', 'a', 'b');
    const now = Date.now();
    await put('/edgeboot/audit', 'a', [
      { timestamp: now, message: 'deployment one accepted' },
      { timestamp: now + 2, message: 'deployment two accepted' },
    ]);
    await put('/edgeboot/audit', 'b', [{ timestamp: now + 1, message: 'deployment one denied' }]);
    const filter = async (options: object) => {
      const { events, nextToken } = await logs.send(
        new FilterLogEventsCommand({ logGroupName: '/edgeboot/audit', ...options }),
      );
      return { messages: events?.map(({ message }) => message), nextToken };
    };
    const all = ['deployment one accepted', 'deployment one denied', 'deployment two accepted'];
    assert.deepEqual((await filter({})).messages, all);
    assert.deepEqual((await filter({ filterPattern: 'one "deployment one"' })).messages, all.slice(0, 2));
    assert.deepEqual((await filter({ startTime: now + 1, endTime: now + 1 })).messages, all.slice(1, 2));
    assert.deepEqual((await filter({ logStreamNames: ['b'] })).messages, all.slice(1, 2));
    const firstPage = await filter({ limit: 2 });
    assert.deepEqual(firstPage.messages, all.slice(0, 2));
    const { nextToken } = firstPage;
    assert.deepEqual((await filter({ limit: 2, nextToken })).messages, all.slice(2));
    await assert.rejects(filter({ filterPattern: '{ $.code = "x" }' }), { name: 'InvalidParameterException' });
  });

  void test('a stream is read from its head with a token that stays when nothing is new', async () => {
    await createStream('/read', 's');
    const timestamp = Date.now();
    await put('/read', 's', [
      { timestamp, message: '1' },
      { timestamp, message: '2' },
    ]);
    const command = { logGroupName: '/read', logStreamName: 's', startFromHead: true };
    const first = await logs.send(new GetLogEventsCommand(command));
    assert.deepEqual(
      first.events?.map(({ message }) => message),
      ['1', '2'],
    );
    const { nextForwardToken: nextToken } = first;
    const second = await logs.send(new GetLogEventsCommand({ ...command, nextToken }));
    assert.deepEqual([second.events, second.nextForwardToken], [[], nextToken]);
    const { logStreams } = await logs.send(
      new DescribeLogStreamsCommand({ logGroupName: '/read', orderBy: 'LastEventTime' }),
    );
    assert.deepEqual(
      logStreams?.map((s) => [s.logStreamName, s.lastEventTimestamp]),
      [['s', timestamp]],
    );
  });

  void test('batches out of order or too large are refused; events too old or too new are left out', async () => {
    await createStream('/limits', 's');
    await logs.send(new PutRetentionPolicyCommand({ logGroupName: '/limits', retentionInDays: 7 }));
    const now = Date.now();
    const invalid = { name: 'InvalidParameterException' };
    const event = (timestamp: number, message = 'm') => ({ timestamp, message });
    await assert.rejects(put('/limits', 's', [event(now), event(now - 1)]), invalid);
    await assert.rejects(put('/limits', 's', [event(now, 'x'.repeat(1_048_576 - 25))]), invalid);
    await put('/limits', 's', [event(now, 'x'.repeat(1_048_576 - 26))]);
    await assert.rejects(
      put(
        '/limits',
        's',
        Array.from({ length: 10_001 }, () => event(now)),
      ),
      invalid,
    );
    const { rejectedLogEventsInfo } = await put('/limits', 's', [
      event(now - 15 * DAY_MS),
      event(now - 8 * DAY_MS),
      event(now, 'kept'),
      event(now + DAY_MS),
    ]);
    assert.deepEqual(rejectedLogEventsInfo, {
      tooOldLogEventEndIndex: 1,
      expiredLogEventEndIndex: 2,
      tooNewLogEventStartIndex: 3,
    });
    const { events } = await logs.send(
      new GetLogEventsCommand({ logGroupName: '/limits', logStreamName: 's', limit: 1 }),
    );
    assert.equal(events?.[0]?.message, 'kept');
  });

  void test('what exists already and what does not exist are told apart', async () => {
    await createStream('/names', 's');
    await assert.rejects(createStream('/names'), { name: 'ResourceAlreadyExistsException' });
    const again = new CreateLogStreamCommand({ logGroupName: '/names', logStreamName: 's' });
    await assert.rejects(logs.send(again), { name: 'ResourceAlreadyExistsException' });
    await assert.rejects(put('/names', 'none', [{ timestamp: Date.now(), message: 'm' }]), {
      name: 'ResourceNotFoundException',
    });
  });

  void test('groups are found by the beginning of their names; a protected one is deleted once that is taken back', async () => {
    const [logGroupName, other] = ['/protected/audit', '/protected/other'];
    await logs.send(new CreateLogGroupCommand({ logGroupName, deletionProtectionEnabled: true }));
    await logs.send(new CreateLogGroupCommand({ logGroupName: other }));
    const found = async () => {
      const asked = new DescribeLogGroupsCommand({ logGroupNamePrefix: '/protected/' });
      return (await logs.send(asked)).logGroups?.map(({ logGroupName: name }) => name);
    };
    assert.deepEqual(await found(), [logGroupName, other]);
    const remove = () => logs.send(new DeleteLogGroupCommand({ logGroupName }));
    await assert.rejects(remove(), { name: 'ValidationException' });
    const unprotected = { logGroupIdentifier: logGroupName, deletionProtectionEnabled: false };
    await logs.send(new PutLogGroupDeletionProtectionCommand(unprotected));
    await remove();
    assert.deepEqual(await found(), [other]);
    await assert.rejects(remove(), { name: 'ResourceNotFoundException' });
  });
});
