/** One SQS standard queue per site, named `<prefix>-site-<siteId>`, redriving to the common dead-letter queue. */
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SiteMessage } from '#shared/messages.ts';
import type { DeploymentQueues } from '../ports.ts';

/** Short, so that a crashed agent's work is taken up soon: the agent extends it with a heartbeat while it works. */
const VISIBILITY_TIMEOUT_SECONDS = 120;
/** Every receive counts, clean releases too. */
const MAX_RECEIVE_COUNT = 20;
/**
 * Shorter than the dead-letter queue's 14 days: SQS keeps counting there from when the message was first sent, so that what is
 * dead-lettered stays to be looked at for ten days at least.
 */
const RETENTION_SECONDS = 4 * 24 * 3600;

export class SqsDeploymentQueues implements DeploymentQueues {
  readonly #client = new SQSClient({});
  readonly #prefix: string;

  /** @param prefix the stack's: its dead-letter queue is `<prefix>-dead-letters`. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  async create(siteId: string): Promise<{ queueUrl: string; queueArn: string }> {
    const deadLetters = await this.#client.send(new GetQueueUrlCommand({ QueueName: `${this.#prefix}-dead-letters` }));
    const deadLetterTargetArn = await this.#arnOf(deadLetters.QueueUrl);
    const { QueueUrl } = await this.#client.send(
      new CreateQueueCommand({
        QueueName: `${this.#prefix}-site-${siteId}`,
        Attributes: {
          VisibilityTimeout: String(VISIBILITY_TIMEOUT_SECONDS),
          MessageRetentionPeriod: String(RETENTION_SECONDS),
          ReceiveMessageWaitTimeSeconds: '20',
          SqsManagedSseEnabled: 'true',
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVE_COUNT }),
        },
        tags: { 'edgeboot:site': siteId },
      }),
    );
    if (QueueUrl === undefined) throw new Error('SQS made a queue without a URL');
    return { queueUrl: QueueUrl, queueArn: await this.#arnOf(QueueUrl) };
  }

  async send(queueUrl: string, message: SiteMessage): Promise<void> {
    await this.#client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) }));
  }

  async #arnOf(queueUrl: string | undefined): Promise<string> {
    const answer = await this.#client.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
    );
    if (answer.Attributes?.QueueArn === undefined) throw new Error('SQS answered no ARN for a queue');
    return answer.Attributes.QueueArn;
  }
}
