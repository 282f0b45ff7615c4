/** Looks for everything that a stage may have left in an account, by name: before a run there must be nothing, and after it again. */
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { ListQueuesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { Target } from './target.ts';

/** One line for each thing; none where the stage has left nothing. */
export async function findTraces(target: Target): Promise<string[]> {
  const { names, clients } = target;
  const found = await Promise.all([
    target.hasStack().then((is) => (is ? [`the stack ${names.stack}`] : [])),
    ifThere(clients.dynamoDb.send(new DescribeTableCommand({ TableName: names.table })), `the table ${names.table}`),
    ifThere(clients.s3.send(new HeadBucketCommand({ Bucket: names.bucket })), `the bucket ${names.bucket}`),
    ...[names.signingKeySecret, names.enrollmentKeySecret].map((SecretId) =>
      ifThere(clients.secretsManager.send(new DescribeSecretCommand({ SecretId })), `the secret ${SecretId}`),
    ),
    ...[names.auditLogGroup, names.functionLogs].map(async (prefix) =>
      (await logGroupsOf(clients.logs, prefix)).map((name) => `the log group ${name}`),
    ),
    queuesOf(clients.sqs, names.queues).then((urls) => urls.map((url) => `the queue ${url.split('/').at(-1) ?? ''}`)),
  ]);
  return found.flat();
}

export async function logGroupsOf(logs: CloudWatchLogsClient, prefix: string): Promise<string[]> {
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: prefix }));
  return logGroups.flatMap(({ logGroupName }) => logGroupName ?? []);
}

/** Their URLs. */
export async function queuesOf(sqs: SQSClient, prefix: string): Promise<string[]> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
  return QueueUrls;
}

const NOT_THERE = ['ResourceNotFoundException', 'NotFound', 'NoSuchBucket', 'QueueDoesNotExist'];

/** Whatever else is wrong, such as a right that is missing, is no proof of absence. */
export const isNotThere = (error: unknown): boolean => error instanceof Error && NOT_THERE.includes(error.name);

async function ifThere(asking: Promise<unknown>, words: string): Promise<string[]> {
  try {
    await asking;
    return [words];
  } catch (error) {
    if (isNotThere(error)) return [];
    throw error;
  }
}
