/**
 * How a stage of a verification goes: first what acts, then what holds data, which outlives a stack on purpose. Protection from deletion
 * is taken back here, for such stages alone (names.ts).
 */
import { DeleteLogGroupCommand, PutLogGroupDeletionProtectionCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteTableCommand,
  type DynamoDBClient,
  UpdateTableCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { DeleteBucketCommand, DeleteObjectsCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { DeleteSecretCommand } from '@aws-sdk/client-secrets-manager';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import type { Removal } from './step.ts';
import { isNotThere, logGroupsOf, queuesOf } from './traces.ts';

/** For each change of it. */
const TABLE_SECONDS = 300;

export const REMOVALS: readonly Removal[] = [
  {
    name: 'remove the stack',
    why: 'functions, API, roles, distribution, alarms, dead letters, secrets; CloudFront takes minutes to let go',
    run: (target) => target.removeStack(),
  },
  {
    name: "delete the sites' queues",
    why: 'made when sites register, they are not of the stack',
    run: async ({ clients, names }) => {
      for (const QueueUrl of await queuesOf(clients.sqs, names.queues)) {
        await unlessGone(clients.sqs.send(new DeleteQueueCommand({ QueueUrl })));
      }
    },
  },
  {
    name: 'empty and delete the bucket',
    why: 'kept when the stack goes (DeletionPolicy: Retain)',
    run: ({ clients, names }) => deleteBucket(clients.s3, names.bucket),
  },
  {
    name: 'unprotect and delete the table',
    why: 'kept when the stack goes, and protected from deletion',
    run: ({ clients, names }) => unlessGone(deleteTable(clients.dynamoDb, names.table)),
  },
  {
    name: 'unprotect and delete the audit trail',
    why: 'kept when the stack goes, and protected from deletion',
    run: async ({ clients: { logs }, names: { auditLogGroup } }) => {
      await unlessGone(
        logs.send(
          new PutLogGroupDeletionProtectionCommand({
            logGroupIdentifier: auditLogGroup,
            deletionProtectionEnabled: false,
          }),
        ),
      );
      await unlessGone(logs.send(new DeleteLogGroupCommand({ logGroupName: auditLogGroup })));
    },
  },
  {
    name: "delete functions' logs that are left",
    why: 'they go with the stack, unless that was never whole',
    run: async ({ clients: { logs }, names }) => {
      for (const logGroupName of await logGroupsOf(logs, names.functionLogs)) {
        await unlessGone(logs.send(new DeleteLogGroupCommand({ logGroupName })));
      }
    },
  },
  {
    name: 'delete the secrets at once',
    why: 'a secret that is only scheduled for deletion keeps its name for a week or more',
    run: async ({ clients: { secretsManager }, names }) => {
      for (const SecretId of [names.signingKeySecret, names.enrollmentKeySecret]) {
        await unlessGone(secretsManager.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })));
      }
    },
  },
];

async function unlessGone(deleting: Promise<unknown>): Promise<void> {
  try {
    await deleting;
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
}

async function deleteTable(client: DynamoDBClient, TableName: string): Promise<void> {
  const patience = { client, maxWaitTime: TABLE_SECONDS };
  await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
  // A table that changes cannot be deleted.
  await waitUntilTableExists(patience, { TableName });
  await client.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists(patience, { TableName });
}

async function deleteBucket(s3: S3Client, Bucket: string): Promise<void> {
  await emptyBucket(s3, Bucket);
  await unlessGone(s3.send(new DeleteBucketCommand({ Bucket })));
}

/** Nothing there is fine. */
export const emptyBucket = (s3: S3Client, Bucket: string): Promise<void> => unlessGone(deleteObjects(s3, Bucket));

async function deleteObjects(s3: S3Client, Bucket: string): Promise<void> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
    const Objects = Contents.map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
  }
}
