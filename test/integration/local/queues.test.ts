import assert from 'node:assert/strict';
import { suite, test, before, after } from 'node:test';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueueTagsCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { startQueuesAndBucket, type QueuesAndBucket } from '../../../local/aws/queues-and-bucket.ts';
import { clientOptions } from './client-options.ts';

void suite('SQS', { timeout: 30_000 }, () => {
  let service: QueuesAndBucket;
  let sqs: SQSClient;
  before(async () => {
    service = await startQueuesAndBucket();
    sqs = new SQSClient(clientOptions(service.sqsEndpoint));
  });
  after(async () => {
    sqs.destroy();
    await service.close();
  });

  const createQueue = async (QueueName: string, Attributes?: Partial<Record<QueueAttributeName, string>>) => {
    const { QueueUrl } = await sqs.send(
      new CreateQueueCommand({ QueueName, tags: { edgeboot: 'site' }, ...(Attributes ? { Attributes } : {}) }),
    );
    assert.ok(QueueUrl);
    return QueueUrl;
  };
  const send = (QueueUrl: string, MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  const receive = async (QueueUrl: string, WaitTimeSeconds = 0) => {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      WaitTimeSeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    });
    const { Messages } = await sqs.send(command);
    return Messages?.[0];
  };

  void test('a queue has a URL that resolves, attributes and tags, and can be deleted', async () => {
    const QueueUrl = await createQueue('attributes', { VisibilityTimeout: '120', MessageRetentionPeriod: '1209600' });
    assert.equal(new URL(QueueUrl).origin, service.sqsEndpoint);
    assert.equal((await sqs.send(new GetQueueUrlCommand({ QueueName: 'attributes' }))).QueueUrl, QueueUrl);
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    assert.equal(Attributes?.VisibilityTimeout, '120');
    assert.equal(Attributes.MessageRetentionPeriod, '1209600');
    assert.equal(Attributes.QueueArn, 'arn:aws:sqs:us-east-1:000000000000:attributes');
    assert.deepEqual((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags, { edgeboot: 'site' });
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: 'attributes' })), { name: 'QueueDoesNotExist' });
  });

  void test('a client that knows only the environment follows the queue URL', async (t) => {
    const QueueUrl = await createQueue('environment');
    process.env['AWS_ENDPOINT_URL_SQS'] = service.sqsEndpoint;
    const { region, credentials } = clientOptions('');
    const client = new SQSClient({ region, credentials });
    t.after(() => {
      client.destroy();
      delete process.env['AWS_ENDPOINT_URL_SQS'];
    });
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    assert.equal((await receive(QueueUrl))?.Body, 'x');
  });

  void test('a long poll gets a message as soon as it is sent', async () => {
    const QueueUrl = await createQueue('long-poll');
    const poll = receive(QueueUrl, 20);
    await send(QueueUrl, 'hello');
    assert.equal((await poll)?.Body, 'hello');
  });

  void test('the poll of a client that hung up takes no message', async () => {
    const QueueUrl = await createQueue('hung-up');
    const controller = new AbortController();
    const ghost = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: controller.signal,
    });
    // A second poller, to know that the first has reached the server: it is served after it.
    await receive(QueueUrl);
    controller.abort();
    await assert.rejects(ghost, { name: 'AbortError' });
    await receive(QueueUrl);
    await send(QueueUrl, 'once');
    const message = await receive(QueueUrl, 20);
    assert.equal(message?.Body, 'once');
    assert.equal(message.Attributes?.ApproximateReceiveCount, '1');
  });

  void test('visibility: hidden while held, back at once with timeout 0, a deleted message stays away', async () => {
    const QueueUrl = await createQueue('visibility', { VisibilityTimeout: '120' });
    await send(QueueUrl, 'm');
    const first = await receive(QueueUrl);
    assert.equal(await receive(QueueUrl), undefined);
    const { ReceiptHandle } = first ?? {};
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 300 }));
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    const second = await receive(QueueUrl);
    assert.equal(second?.Attributes?.ApproximateReceiveCount, '2');
    // The first receipt is worth nothing any more: the lease is lost.
    await assert.rejects(
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 30 })),
      { name: 'MessageNotInflight' },
    );
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second.ReceiptHandle }));
    assert.equal(await receive(QueueUrl), undefined);
  });

  void test('a message that times out comes back to a waiting poll', async () => {
    const QueueUrl = await createQueue('timeout', { VisibilityTimeout: '1' });
    await send(QueueUrl, 'm');
    await receive(QueueUrl);
    assert.equal((await receive(QueueUrl, 20))?.Attributes?.ApproximateReceiveCount, '2');
  });

  void test('a message received too often goes to the dead-letter queue', async () => {
    const deadLetterUrl = await createQueue('dead');
    const deadLetterTargetArn = 'arn:aws:sqs:us-east-1:000000000000:dead';
    const QueueUrl = await createQueue('redrive', {
      VisibilityTimeout: '0',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }),
    });
    await send(QueueUrl, 'poison');
    assert.equal((await receive(QueueUrl))?.Body, 'poison');
    assert.equal((await receive(QueueUrl))?.Body, 'poison');
    assert.equal(await receive(QueueUrl), undefined);
    assert.equal((await receive(deadLetterUrl))?.Body, 'poison');
  });
});
