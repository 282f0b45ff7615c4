/** All services of AWS that the functions call, started together; and how an SDK client finds them. */
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { LogLine } from '../child-server.ts';
import type { Closers } from '../closers.ts';
import { LOCAL_REGION } from './account.ts';
import { startCloudWatchLogs } from './cloudwatch-logs.ts';
import { startDynamoDb } from './dynamodb.ts';
import { startQueuesAndBucket } from './queues-and-bucket.ts';
import { startSecretsManager } from './secrets-manager.ts';
import type { StackClients } from './stack-resources.ts';
import { startSts, type AssumedRole } from './sts.ts';

/** Any will do: signatures are not checked. */
const CREDENTIALS = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' };

export interface AwsEndpoints {
  readonly dynamoDb: string;
  readonly sqs: string;
  readonly s3: string;
  readonly secretsManager: string;
  readonly sts: string;
  readonly cloudWatchLogs: string;
}

export interface AwsServices {
  readonly endpoints: AwsEndpoints;
  readonly assumedRoles: readonly AssumedRole[];
}

/** Starts all at once. What has started is closed by `closers`, even when another one fails. */
export async function startAwsServices(log: LogLine, closers: Closers): Promise<AwsServices> {
  const [dynamoDb, queuesAndBucket, secretsManager, sts, cloudWatchLogs] = await Promise.all([
    closers.keep(startDynamoDb({ log })),
    closers.keep(startQueuesAndBucket()),
    closers.keep(startSecretsManager()),
    closers.keep(startSts()),
    closers.keep(startCloudWatchLogs()),
  ]);
  return {
    endpoints: {
      dynamoDb: dynamoDb.endpoint,
      sqs: queuesAndBucket.sqsEndpoint,
      s3: queuesAndBucket.s3Endpoint,
      secretsManager: secretsManager.endpoint,
      sts: sts.endpoint,
      cloudWatchLogs: cloudWatchLogs.endpoint,
    },
    assumedRoles: sts.assumedRoles,
  };
}

/** What makes any program's SDK clients use these services. */
export function awsEnvironment(endpoints: AwsEndpoints): Record<string, string> {
  return {
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamoDb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    AWS_ENDPOINT_URL_STS: endpoints.sts,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: endpoints.cloudWatchLogs,
  };
}

export interface AwsClients extends StackClients {
  /** Lets go of all their connections. */
  destroy(): void;
}

/** Clients for setting up and looking inside; whoever asks for them destroys them. */
export function awsClients(endpoints: AwsEndpoints, credentials = CREDENTIALS): AwsClients {
  const options = (endpoint: string) => ({ endpoint, region: LOCAL_REGION, credentials });
  const dynamoDb = new DynamoDBClient(options(endpoints.dynamoDb));
  const sqs = new SQSClient(options(endpoints.sqs));
  const s3 = new S3Client({ ...options(endpoints.s3), forcePathStyle: true });
  const logs = new CloudWatchLogsClient(options(endpoints.cloudWatchLogs));
  const secretsManager = new SecretsManagerClient(options(endpoints.secretsManager));
  const destroy = () => {
    for (const client of [dynamoDb, sqs, s3, logs, secretsManager]) client.destroy();
  };
  return { dynamoDb, sqs, s3, logs, secretsManager, destroy };
}
