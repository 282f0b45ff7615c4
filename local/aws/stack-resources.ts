/** Makes what serverless.yml declares under `resources`, as far as the functions meet it here; CloudFormation does so on AWS. */
import { randomBytes } from 'node:crypto';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateTableCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
  type CreateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { EdgebootError } from '#shared/errors.ts';

/** Resources by logical id, with every variable of serverless.yml resolved. */
export const stackResourcesSchema = z.record(
  z.string(),
  z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
);
export type StackResources = z.infer<typeof stackResourcesSchema>;

export interface StackClients {
  readonly dynamoDb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly logs: CloudWatchLogsClient;
  readonly secretsManager: SecretsManagerClient;
}

const tableSchema = z.object({
  TableName: z.string(),
  TimeToLiveSpecification: z.object({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
});
/** The table's properties that CloudFormation and CreateTable name alike and that matter without a bill. */
const TABLE_PROPERTIES = [
  ...['TableName', 'BillingMode', 'AttributeDefinitions', 'KeySchema', 'GlobalSecondaryIndexes'],
  'DeletionProtectionEnabled',
];
const queueSchema = z.object({ QueueName: z.string() }).catchall(z.union([z.string(), z.number(), z.boolean()]));
const logGroupSchema = z.object({
  LogGroupName: z.string(),
  RetentionInDays: z.number().optional(),
  DeletionProtectionEnabled: z.boolean().default(false),
});

const secretSchema = z.object({
  Name: z.string(),
  GenerateSecretString: z.object({ PasswordLength: z.int().positive() }).optional(),
});

type Maker = (properties: Record<string, unknown>, clients: StackClients) => Promise<unknown>;

const MAKERS: Readonly<Record<string, Maker>> = {
  'AWS::DynamoDB::Table': async (properties, { dynamoDb }) => {
    const { TableName, TimeToLiveSpecification } = tableSchema.parse(properties);
    const input = Object.fromEntries(Object.entries(properties).filter(([name]) => TABLE_PROPERTIES.includes(name)));
    // The service checks the rest of it.
    await dynamoDb.send(new CreateTableCommand(input as unknown as CreateTableCommandInput));
    if (TimeToLiveSpecification !== undefined) {
      await dynamoDb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    }
  },
  'AWS::SQS::Queue': (properties, { sqs }) => {
    const { QueueName, ...attributes } = queueSchema.parse(properties);
    const Attributes = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)]));
    return sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  },
  'AWS::Logs::LogGroup': async (properties, { logs }) => {
    const group = logGroupSchema.parse(properties);
    const { LogGroupName: logGroupName, RetentionInDays: retentionInDays } = group;
    const deletionProtectionEnabled = group.DeletionProtectionEnabled;
    await logs.send(new CreateLogGroupCommand({ logGroupName, deletionProtectionEnabled }));
    if (retentionInDays !== undefined) {
      await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    }
  },
  'AWS::SecretsManager::Secret': (properties, { secretsManager }) => {
    const { Name, GenerateSecretString: generated } = secretSchema.parse(properties);
    const SecretString =
      generated && randomBytes(generated.PasswordLength).toString('hex').slice(generated.PasswordLength);
    return secretsManager.send(new CreateSecretCommand({ Name, SecretString }));
  },
  'AWS::S3::Bucket': (properties, { s3 }) =>
    s3.send(new CreateBucketCommand({ Bucket: z.string().parse(properties['BucketName']) })),
};

/**
 * Makes the tables, queues, log groups, secrets (without a value, where the stack makes none) and buckets; roles, policies and the distribution have no
 * counterpart of this kind here.
 * @throws EdgebootError INVALID_CONFIG for a resource that is declared in a way not understood here
 */
export async function createStackResources(resources: StackResources, clients: StackClients): Promise<void> {
  await Promise.all(
    Object.entries(resources).map(async ([logicalId, { Type, Properties }]) => {
      try {
        await MAKERS[Type]?.(Properties, clients);
      } catch (cause) {
        throw new EdgebootError('INVALID_CONFIG', `${logicalId} of serverless.yml (${Type}) cannot be made here.`, {
          cause,
        });
      }
    }),
  );
}

/** The name that the stack gives a resource. @throws EdgebootError INVALID_CONFIG where there is none */
export function nameOf(resources: StackResources, logicalId: string, nameProperty: string): string {
  const name = resources[logicalId]?.Properties[nameProperty];
  if (typeof name !== 'string') {
    throw new EdgebootError('INVALID_CONFIG', `serverless.yml declares no ${logicalId} with a ${nameProperty}.`);
  }
  return name;
}
