/** The site's queue on SQS, with credentials of the agent's session, which the SDK asks for anew before they expire. */
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { AgentSession, JobQueue, ReceivedMessage } from '../ports.ts';

/** The longest that SQS waits. */
const WAIT_SECONDS = 20;
/** An answer that takes longer does not come. */
const ANSWER_SECONDS = 15;
const bounded = () => ({ abortSignal: AbortSignal.timeout(ANSWER_SECONDS * 1000) });

/** @param openSession asks the control plane for credentials; the first session names the queue and its region. */
export async function createSqsJobQueue(
  openSession: () => Promise<AgentSession>,
): Promise<JobQueue & { depth(): Promise<number> }> {
  let session: AgentSession | undefined = await openSession();
  const { queueUrl, region } = session;
  const client = new SQSClient({
    region,
    // The queue's own host: the SDK would otherwise warn that it is not the region's.
    endpoint: new URL(queueUrl).origin,
    credentials: async () => {
      const { credentials } = session ?? (await openSession());
      session = undefined;
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
      return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiration) };
    },
  });
  return {
    async depth() {
      const answer = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      );
      return Number(answer.Attributes?.ApproximateNumberOfMessages ?? 0);
    },
    async receive(max, signal) {
      const answer = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: max,
          WaitTimeSeconds: WAIT_SECONDS,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
        { abortSignal: AbortSignal.any([signal, AbortSignal.timeout((WAIT_SECONDS + ANSWER_SECONDS) * 1000)]) },
      );
      const receivedAt = new Date();
      return (answer.Messages ?? []).map(({ MessageId, ReceiptHandle, Body, Attributes }): ReceivedMessage => ({
        messageId: MessageId ?? '',
        receiptHandle: ReceiptHandle ?? '',
        body: Body ?? '',
        receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
        receivedAt,
      }));
    },
    async extend({ receiptHandle }, visibilityTimeoutSeconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: visibilityTimeoutSeconds,
        }),
        bounded(),
      );
    },
    async delete({ receiptHandle }) {
      await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receiptHandle }), bounded());
    },
  };
}
