/** An account of AWS. The stack itself is made and removed by what nothing here can play: no test has run it. */
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStackResourceCommand,
  DescribeStacksCommand,
  type Stack,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { EdgebootError } from '#shared/errors.ts';
import { askWhoWeAre } from './caller.ts';
import { deployStack } from './deploy-stack.ts';
import { stageNames } from './names.ts';
import { poll } from './poll.ts';
import { emptyBucket } from './removals.ts';
import { type Deployed, signTokenKeysUrl, type Target } from './target.ts';

/** CloudFront takes a distribution back slowly. */
const STACK_SECONDS = 3600;
const LOOK_SECONDS = 10;
/** SQS shows a queue for up to a minute after its deletion. */
const SETTLE_SECONDS = 180;

export interface AwsTargetOptions {
  readonly profile: string;
  readonly stage: string;
  readonly region: string;
  /** For the packages. */
  readonly folder: string;
  readonly say: (words: string) => void;
}

/** Makes nothing. Throws UNAUTHENTICATED without credentials, SERVICE_UNAVAILABLE without a way to AWS. */
export async function openAwsTarget(options: AwsTargetOptions): Promise<Target & { destroy(): void }> {
  const { profile, stage, region } = options;
  const settings = { region, credentials: fromIni({ profile }) };
  const { account, caller } = await askWhoWeAre(settings, profile);
  const names = stageNames(stage, account);
  const formation = new CloudFormationClient(settings);
  const services = {
    dynamoDb: new DynamoDBClient(settings),
    sqs: new SQSClient(settings),
    s3: new S3Client(settings),
    logs: new CloudWatchLogsClient(settings),
    secretsManager: new SecretsManagerClient(settings),
  };
  const destroy = () => {
    for (const client of [formation, ...Object.values(services)]) client.destroy();
  };
  const describe = () => describeStack(formation, names.stack);
  return {
    ...{ stage, account, region, caller, names },
    clients: { ...services, destroy },
    resolvers: [],
    lookup: undefined,
    settleSeconds: SETTLE_SECONDS,
    hasStack: async () => (await describe()) !== undefined,
    deploy: async (stack, signal) => {
      const jwksUrl = await signTokenKeysUrl(services.s3, names.bucket);
      await deployStack({ ...stack, jwksUrl }, options, signal);
      return deployedOf(await describe());
    },
    removeStack: async () => {
      const stack = await awaitRest(describe);
      if (stack === undefined) return;
      // Its bucket of packages is part of it, and cannot go while there is anything in it.
      const packages = await packagesBucket(formation, names.stack);
      if (packages !== undefined) await emptyBucket(services.s3, packages);
      await formation.send(new DeleteStackCommand({ StackName: stack.StackId }));
      const waiter = { client: formation, maxWaitTime: STACK_SECONDS, minDelay: LOOK_SECONDS, maxDelay: LOOK_SECONDS };
      await waitUntilStackDeleteComplete(waiter, { StackName: stack.StackId });
    },
    destroy,
  };
}

async function describeStack(formation: CloudFormationClient, StackName: string): Promise<Stack | undefined> {
  try {
    return (await formation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0];
  } catch (error) {
    // CloudFormation has no error of its own for it.
    if (error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist'))
      return undefined;
    throw error;
  }
}

/** A stack that changes cannot be deleted: a run that was interrupted leaves one that still does. */
async function awaitRest(describe: () => Promise<Stack | undefined>): Promise<Stack | undefined> {
  const rested = await poll({ everySeconds: LOOK_SECONDS, forSeconds: STACK_SECONDS }, async () => {
    const stack = await describe();
    return isChanging(stack) ? undefined : { stack };
  });
  if (rested !== undefined) return rested.stack;
  throw new EdgebootError('SERVICE_UNAVAILABLE', 'CloudFormation has been changing the stack for an hour');
}

/** One in review waits for somebody, for ever. */
const isChanging = (stack: Stack | undefined): boolean =>
  stack?.StackStatus?.endsWith('_IN_PROGRESS') === true && stack.StackStatus !== 'REVIEW_IN_PROGRESS';

async function packagesBucket(formation: CloudFormationClient, StackName: string): Promise<string | undefined> {
  const asked = { StackName, LogicalResourceId: 'ServerlessDeploymentBucket' };
  try {
    const { StackResourceDetail } = await formation.send(new DescribeStackResourceCommand(asked));
    return StackResourceDetail?.PhysicalResourceId;
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError') return undefined;
    throw error;
  }
}

/** Throws INTERNAL where the stack does not say what stack/distribution.yml makes it say. */
function deployedOf(stack: Stack | undefined): Deployed {
  const output = (name: string): string => {
    const value = stack?.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
    if (value !== undefined) return value;
    throw new EdgebootError('INTERNAL', `the stack has no output ${name}`);
  };
  return {
    apiUrl: output('ApiUrl'),
    distributionUrl: `https://${output('DistributionDomain')}`,
    signingKeyId: output('SigningKeyIdA'),
  };
}
