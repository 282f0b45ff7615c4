/**
 * The CloudFormation template that would be deployed, for the stages dev and prod. That each role permits what its function does, and
 * nothing else, is shown on the embedded cloud's stage by test/contract/api.test.ts; here it is shown that the roles are the same.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as z from 'zod';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { operations } from '../../functions/openapi/operations.ts';
import { LOCAL_ACCOUNT_ID, localArn } from '../../local/aws/account.ts';
import { secretArn } from '../../local/aws/calls.ts';
import { readService } from '../../local/service-definition.ts';
import { packageStack, PackagedStack } from '../helpers/packaged-stack.ts';
import { permits, statementsOf } from '../../local/aws/policies.ts';

const STAGES = ['dev', 'prod'];
/** What would take the traces away, or give more rights: nothing of ours ever does it. */
const NOBODYS_ACTIONS = [
  ...['logs:DeleteLogGroup', 'logs:DeleteLogStream', 'logs:PutRetentionPolicy', 'logs:DeleteRetentionPolicy'],
  'logs:PutLogGroupDeletionProtection',
  ...['dynamodb:DeleteTable', 'dynamodb:UpdateTable', 'dynamodb:UpdateContinuousBackups'],
  ...['s3:DeleteBucket', 's3:PutBucketPolicy', 's3:PutObjectAcl', 's3:PutBucketPublicAccessBlock'],
  ...['secretsmanager:PutSecretValue', 'secretsmanager:DeleteSecret'],
  ...['iam:PassRole', 'iam:PutRolePolicy', 'lambda:UpdateFunctionCode', 'sqs:SetQueueAttributes', 'sqs:AddPermission'],
];

void describe('the stack', { timeout: 600_000 }, () => {
  let stacks: PackagedStack[];
  before(async () => {
    stacks = await Promise.all(STAGES.map(packageStack));
  });
  const inEach = (what: string, check: (stack: PackagedStack, prefix: string) => unknown): void => {
    it(what, async () => {
      for (const stack of stacks) await check(stack, `edgeboot-${stack.stage}`);
    });
  };
  const only = (stack: PackagedStack, type: string): [id: string, properties: Record<string, unknown>] => {
    const [id = '', ...others] = stack.idsOf(type);
    assert.deepEqual(others, [], `one ${type}`);
    return [id, stack.properties(id)];
  };

  inEach('has a role for each function, which no other function and no other service can take on', (stack) => {
    const functions = stack.functions();
    assert.equal(new Set(functions.map(({ roleId }) => roleId)).size, functions.length);
    for (const { name, roleId } of functions) {
      assert.deepEqual(stack.properties(roleId)['AssumeRolePolicyDocument'], {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      });
      const ownLog = { context: {}, resourceArn: logArn(`/aws/lambda/${name}`) };
      const statements = stack.roles().get(roleId) ?? [];
      assert.ok(permits(statements, { ...ownLog, action: 'logs:PutLogEvents' }), name);
      const others = functions.filter((other) => other.name !== name);
      for (const other of others) {
        const otherLog = { context: {}, resourceArn: logArn(`/aws/lambda/${other.name}`) };
        assert.ok(!permits(statements, { ...otherLog, action: 'logs:PutLogEvents' }), `${name}, log of ${other.name}`);
      }
    }
  });

  it('has the same roles at every stage, the embedded cloud’s included', async () => {
    const { definition } = await readService({});
    for (const stack of stacks) {
      const named = (text: string) =>
        text
          .replaceAll(`edgeboot-${stack.stage}-images-000000000000`, 'edgeboot-local-images')
          .replaceAll(`edgeboot-${stack.stage}`, 'edgeboot-local')
          .replaceAll(`/edgeboot/${stack.stage}/`, '/edgeboot/local/');
      const local = new PackagedStack('local', definition.resources.Resources);
      const textOf = (of: PackagedStack) =>
        [...of.roles()].map(([id, statements]) => `${id} ${JSON.stringify(statements)}`);
      assert.deepEqual(textOf(stack).map(named).sort(), textOf(local).sort());
    }
  });

  inEach('lets nobody do what would take traces away or give more rights; no right is a wildcard', (stack) => {
    for (const [role, statements] of stack.roles()) {
      const wide = statements.flatMap(({ Action }) => Action).filter((action) => action.includes('*'));
      assert.deepEqual(wide, [], role);
      for (const action of NOBODYS_ACTIONS) {
        const anywhere = statements.filter(({ Action }) =>
          Action.some((one) => one.toLowerCase() === action.toLowerCase()),
        );
        assert.deepEqual(anywhere, [], `${role} may ${action}`);
      }
    }
  });

  inEach(
    'gives each secret to one function alone, the signing key to one that nothing from outside invokes',
    (stack, prefix) => {
      const readers = stack.idsOf('AWS::SecretsManager::Secret').map((id) => {
        const [resourceArn, context] = [secretArn(String(stack.properties(id)['Name'])), {}];
        const reads = { resourceArn, context, action: 'secretsmanager:GetSecretValue' };
        const roles = [...stack.roles()].filter(([, statements]) => permits(statements, reads)).map(([role]) => role);
        return { id, roles };
      });
      const roleOf = (name: string) => stack.functions().find((one) => one.name === `${prefix}-${name}`)?.roleId;
      assert.deepEqual(readers, [
        { id: 'SigningKey', roles: [roleOf('mintUrls')] },
        { id: 'EnrollmentKey', roles: [roleOf('manageSites')] },
      ]);
      assert.deepEqual(stack.idsOf('AWS::SecretsManager::ResourcePolicy'), []);
      const invoked = stack.allOf('AWS::Lambda::Permission').map((permission) => permission['FunctionName']);
      const all = stack.functions().map(({ name }) => localArn('lambda', `function:${name}`));
      const others = all.filter((arn) => !arn.endsWith(`:${prefix}-mintUrls`));
      assert.deepEqual([...new Set(invoked)].sort(), others.sort());
    },
  );

  inEach('lets the sites’ role be taken on by the session’s function alone', (stack) => {
    const functionRoles = new Set(stack.functions().map(({ roleId }) => roleId));
    const [siteRole, ...others] = stack.idsOf('AWS::IAM::Role').filter((id) => !functionRoles.has(id));
    assert.ok(siteRole !== undefined && others.length === 0);
    assert.deepEqual(stack.properties(siteRole)['AssumeRolePolicyDocument'], {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::000000000000:role/<OpenAgentSessionRole>' },
          Action: 'sts:AssumeRole',
        },
      ],
    });
  });

  inEach('keeps its buckets private and encrypted, and the images when the stack goes', (stack) => {
    const block = {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    };
    for (const bucket of stack.allOf('AWS::S3::Bucket')) {
      assert.deepEqual(bucket['PublicAccessBlockConfiguration'], block);
      assert.match(JSON.stringify(bucket['BucketEncryption']), /"SSEAlgorithm":"AES256"/);
    }
    assert.deepEqual(stack.properties('ImageBucket')['OwnershipControls'], {
      Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }],
    });
    assert.deepEqual(retention(stack, 'ImageBucket'), ['Retain', 'Retain']);
  });

  inEach('opens the images to its own distribution alone, and over TLS alone', (stack, prefix) => {
    const bucket = `arn:aws:s3:::${prefix}-images-000000000000`;
    const { Bucket, PolicyDocument } = stack.properties('ImageBucketPolicy');
    assert.equal(`arn:aws:s3:::${String(Bucket)}`, bucket);
    assert.deepEqual((PolicyDocument as { Statement: unknown }).Statement, [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [bucket, `${bucket}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      { Effect: 'Deny', Principal: '*', Action: 's3:DeleteBucket', Resource: bucket },
      {
        Effect: 'Allow',
        Principal: { Service: 'cloudfront.amazonaws.com' },
        Action: ['s3:GetObject', 's3:ListBucket'],
        Resource: [bucket, `${bucket}/images/*`],
        Condition: {
          StringEquals: { 'AWS:SourceArn': 'arn:aws:cloudfront::000000000000:distribution/<Distribution>' },
        },
      },
    ]);
    for (const control of stack.allOf('AWS::CloudFront::OriginAccessControl')) {
      const config = control['OriginAccessControlConfig'] as Record<string, unknown>;
      assert.deepEqual([config['SigningBehavior'], config['SigningProtocol']], ['always', 'sigv4']);
    }
  });

  inEach('serves the console to anybody, out of a bucket where no image can be', (stack, prefix) => {
    const distribution = stack.properties('Distribution')['DistributionConfig'] as {
      Origins: { Id: string; DomainName: string; OriginAccessControlId: string }[];
      CacheBehaviors: { PathPattern: string; TargetOriginId: string; TrustedKeyGroups?: unknown }[];
      DefaultCacheBehavior: { TargetOriginId: string };
    };
    const unsigned = distribution.CacheBehaviors.filter(({ TrustedKeyGroups }) => TrustedKeyGroups === undefined);
    assert.deepEqual(
      unsigned.map(({ PathPattern, TargetOriginId }) => [PathPattern, TargetOriginId]),
      [['/console/*', 'console']],
    );
    assert.equal(distribution.DefaultCacheBehavior.TargetOriginId, 'images');
    assert.deepEqual(
      distribution.Origins.map(({ Id, DomainName, OriginAccessControlId }) => [Id, DomainName, OriginAccessControlId]),
      [
        ['images', '<ImageBucket.RegionalDomainName>', '<OriginAccess.Id>'],
        ['console', '<ConsoleBucket.RegionalDomainName>', '<ConsoleAccess.Id>'],
      ],
    );
    const bucket = `arn:aws:s3:::${prefix}-console-000000000000`;
    const { Bucket, PolicyDocument } = stack.properties('ConsoleBucketPolicy');
    assert.equal(`arn:aws:s3:::${String(Bucket)}`, bucket);
    const [, allowed, ...more] = (PolicyDocument as { Statement: Record<string, unknown>[] }).Statement;
    assert.deepEqual(more, []);
    assert.deepEqual([allowed?.['Action'], allowed?.['Resource']], ['s3:GetObject', `${bucket}/console/*`]);
    // Nobody who publishes can put an image there: no role reaches the bucket at all.
    for (const [role, statements] of stack.roles()) {
      const reached = statements.flatMap(({ Resource }) => Resource).filter((resource) => resource.includes(bucket));
      assert.deepEqual(reached, [], role);
    }
  });

  inEach('serves nothing else that is not signed for, over IPv4 and TLS, from near Asia too', (stack) => {
    const [, { DistributionConfig }] = only(stack, 'AWS::CloudFront::Distribution');
    const config = DistributionConfig as Record<string, unknown> & {
      Origins: Record<string, unknown>[];
      DefaultCacheBehavior: Record<string, unknown>;
      CacheBehaviors?: Record<string, unknown>[];
    };
    assert.equal(config['IPV6Enabled'], false, 'a policy binds an IPv4 address');
    assert.equal(config['PriceClass'], 'PriceClass_200');
    assert.deepEqual(
      config.Origins.map(({ OriginAccessControlId, OriginShield }) => [OriginAccessControlId, OriginShield]),
      ['<OriginAccess.Id>', '<ConsoleAccess.Id>'].map((access) => [access, { Enabled: false }]),
    );
    for (const behavior of [config.DefaultCacheBehavior, ...(config.CacheBehaviors ?? [])]) {
      if (behavior['PathPattern'] !== '/console/*')
        assert.deepEqual(behavior['TrustedKeyGroups'], ['<SigningKeyGroup>']);
      assert.equal(behavior['ViewerProtocolPolicy'], 'https-only');
      assert.deepEqual(behavior['AllowedMethods'], ['GET', 'HEAD']);
    }
  });

  inEach('trusts up to two keys, each in a slot of its own', (stack) => {
    const [, { KeyGroupConfig }] = only(stack, 'AWS::CloudFront::KeyGroup');
    const slots = (KeyGroupConfig as { Items: { 'Fn::If': unknown[] }[] }).Items.map((item) => item['Fn::If']);
    assert.deepEqual(
      slots,
      ['A', 'B'].map((slot) => [`HasSigningKey${slot}`, `<SigningKey${slot}>`, '<AWS::NoValue>']),
    );
    for (const slot of ['A', 'B']) {
      const key = stack.resources[`SigningKey${slot}`];
      assert.equal(key?.['Condition'], `HasSigningKey${slot}`);
      assert.match(JSON.stringify(key.Properties), new RegExp(`"EncodedKey":\\{"Ref":"SigningPublicKey${slot}"\\}`));
    }
  });

  inEach('fault 52: asks who it is at every request, but where the API says that anybody may call', (stack) => {
    const [, authorizer] = only(stack, 'AWS::ApiGatewayV2::Authorizer');
    assert.equal(authorizer['AuthorizerResultTtlInSeconds'], 0, 'a decision would serve every route');
    const open = stack
      .allOf('AWS::ApiGatewayV2::Route')
      .filter((route) => route['AuthorizationType'] !== 'CUSTOM' || route['AuthorizerId'] === undefined);
    const anybodys = operations().filter(({ operation }) => operation.caller === 'anyone');
    assert.deepEqual(open.map((route) => route['RouteKey']).sort(), anybodys.map(({ route }) => route).sort());
    assert.equal(stack.idsOf('AWS::ApiGatewayV2::Route').length, operations().length);
  });

  inEach('throttles every route, and those that anybody may call most of all', (stack) => {
    const [id, { DefaultRouteSettings, RouteSettings }] = only(stack, 'AWS::ApiGatewayV2::Stage');
    const limits = z.object({
      ThrottlingRateLimit: z.number().positive(),
      ThrottlingBurstLimit: z.number().positive(),
    });
    const usual = limits.parse(DefaultRouteSettings);
    const own = z.record(z.string(), limits).parse(RouteSettings);
    const anybodys = operations().filter(({ operation }) => operation.caller === 'anyone');
    assert.deepEqual(Object.keys(own).sort(), anybodys.map(({ route }) => route).sort());
    for (const [route, { ThrottlingRateLimit, ThrottlingBurstLimit }] of Object.entries(own)) {
      assert.ok(ThrottlingRateLimit <= usual.ThrottlingRateLimit / 100, route);
      assert.ok(ThrottlingBurstLimit <= 50, route);
      // A stage that names a route before it is there cannot be made.
      const [routeId = ''] = stack
        .idsOf('AWS::ApiGatewayV2::Route')
        .filter((one) => stack.properties(one)['RouteKey'] === route);
      assert.ok([stack.resources[id]?.['DependsOn']].flat().includes(routeId), routeId);
    }
    assert.ok((own['POST /v1/enrollments']?.ThrottlingRateLimit ?? Infinity) <= 1);
  });

  inEach('can go back to any second of the table, and loses neither it nor the audit trail by mistake', (stack) => {
    const table = stack.properties('Table');
    assert.deepEqual(table['PointInTimeRecoverySpecification'], { PointInTimeRecoveryEnabled: true });
    assert.deepEqual(table['SSESpecification'], { SSEEnabled: true });
    const trail = stack.properties('AuditLogGroup');
    assert.equal(trail['LogGroupName'], `/edgeboot/${stack.stage}/audit`);
    assert.ok(Number(trail['RetentionInDays']) >= 731);
    for (const id of ['Table', 'AuditLogGroup']) {
      assert.equal(stack.properties(id)['DeletionProtectionEnabled'], true, id);
      assert.deepEqual(retention(stack, id), ['Retain', 'Retain'], id);
    }
    for (const log of stack.allOf('AWS::Logs::LogGroup')) assert.ok(Number(log['RetentionInDays']) > 0);
    const queue = stack.properties('DeadLetterQueue');
    assert.deepEqual([queue['SqsManagedSseEnabled'], queue['MessageRetentionPeriod']], [true, 14 * 24 * 3600]);
  });

  inEach('tells somebody of every alarm, and counts what its alarms look at', async (stack, prefix) => {
    const alarms = stack.allOf('AWS::CloudWatch::Alarm');
    const named = alarms.map((alarm) => String(alarm['AlarmName']).replace(`${prefix}-`, ''));
    const wanted = [
      'dead-letters',
      'mint-failures',
      'denials',
      'sweep-lag',
      'oldest-job',
      'silent-sites',
      'api-faults',
    ];
    assert.deepEqual(named.sort(), wanted.sort());
    for (const alarm of alarms) assert.deepEqual(alarm['AlarmActions'], ['<AlarmTopic>']);
    const judged = (name: string): unknown[] => {
      const alarm = alarms.find((one) => one['AlarmName'] === `${prefix}-${name}`) ?? {};
      assert.equal(alarm['ComparisonOperator'], 'GreaterThanThreshold', name);
      const periods = ['sweep-lag', 'oldest-job', 'silent-sites'].includes(name) ? 2 : 1;
      assert.deepEqual([alarm['Period'], alarm['EvaluationPeriods']], [300, periods], name);
      const asked = ['Namespace', 'MetricName', 'Dimensions', 'Statistic', 'Threshold', 'TreatMissingData'];
      return asked.map((property) => alarm[property]);
    };
    const aws = (
      namespace: string,
      metric: string,
      [Name, Value]: [string, unknown],
      statistic: string,
      over: number,
    ) => [...[namespace, metric, [{ Name, Value }], statistic, over, 'notBreaching']];
    const deadLetters: [string, unknown] = ['QueueName', '<DeadLetterQueue.QueueName>'];
    const deadLettersName = stack.properties('DeadLetterQueue')['QueueName'];
    assert.equal(deadLettersName, `${prefix}-dead-letters`, 'where sqs-deployment-queues.ts redrives to');
    const visible = 'ApproximateNumberOfMessagesVisible';
    assert.deepEqual(judged('dead-letters'), aws('AWS/SQS', visible, deadLetters, 'Maximum', 0));
    const mint: [string, unknown] = ['FunctionName', `${prefix}-mintUrls`];
    assert.deepEqual(judged('mint-failures'), aws('AWS/Lambda', 'Errors', mint, 'Sum', 0));
    for (const { Environment } of stack.allOf('AWS::Lambda::Function')) {
      const { Variables } = Environment as { Variables: Record<string, unknown> };
      assert.equal(Variables['MINT_FUNCTION'], mint[1], 'the function that is invoked is the one that is watched');
    }
    assert.deepEqual(judged('api-faults'), aws('AWS/ApiGateway', '5xx', ['ApiId', '<HttpApi>'], 'Sum', 5));
    const own = (metric: string, statistic: string, over: number, missing: string) => [
      prefix,
      metric,
      undefined,
      statistic,
      over,
      missing,
    ];
    assert.deepEqual(judged('denials'), own('Denials', 'Sum', 50, 'notBreaching'));
    assert.deepEqual(judged('silent-sites'), own('SilentSites', 'Minimum', 0, 'notBreaching'));
    assert.deepEqual(judged('sweep-lag'), own('OldestEntrySeconds', 'Minimum', 600, 'breaching'));
    assert.deepEqual(judged('oldest-job'), own('OldestJobSeconds', 'Minimum', 3600, 'notBreaching'));
    const { Budget } = stack.properties('MonthlyBudget') as { Budget: Record<string, unknown> };
    assert.deepEqual(
      [Budget['BudgetLimit'], Budget['TimeUnit']],
      [{ Amount: '<MonthlyBudgetUsd>', Unit: 'USD' }, 'MONTHLY'],
    );
    const counted = stack.allOf('AWS::Logs::MetricFilter').map((filter) => filter as unknown as MetricFilter);
    const metrics = counted.map(
      ({ MetricTransformations: [metric] }) => `${metric.MetricNamespace} ${metric.MetricName}`,
    );
    const looked = alarms
      .filter((alarm) => alarm['Namespace'] === prefix)
      .map((alarm) => `${prefix} ${String(alarm['MetricName'])}`);
    assert.deepEqual(metrics.sort(), looked.sort());
    const values = counted.map(({ MetricTransformations: [metric] }) => [metric.MetricName, metric.MetricValue]);
    assert.deepEqual(Object.fromEntries(values), {
      ...{ Denials: '1', SilentSites: '$.silentSites' },
      ...{ OldestEntrySeconds: '$.oldestEntrySeconds', OldestJobSeconds: '$.oldestJobSeconds' },
    });
    const lines: Readonly<Record<string, Record<string, unknown>>> = {
      [`/aws/lambda/${prefix}-sweep`]: z.record(z.string(), z.unknown()).parse(await stockLine()),
      '<AuditLogGroup>': { decision: 'deny' },
    };
    for (const { LogGroupName, FilterPattern, MetricTransformations } of counted) {
      const line = lines[LogGroupName];
      const [, field = '', value] = /^\{ \$\.(\w+) = "(\w+)" \}$/.exec(FilterPattern) ?? [];
      assert.equal(line?.[field], value, `${FilterPattern} in ${LogGroupName}`);
      const counts = MetricTransformations[0].MetricValue;
      if (counts !== '1') assert.equal(typeof line?.[counts.replace('$.', '')], 'number', counts);
    }
    const [, budget] = only(stack, 'AWS::Budgets::Budget');
    assert.match(JSON.stringify(budget), /"SubscriptionType":"SNS","Address":"<AlarmTopic>"/);
    const [, { PolicyDocument }] = only(stack, 'AWS::SNS::TopicPolicy');
    const publish = { action: 'sns:Publish', resourceArn: '<AlarmTopic>' };
    const fromAccount = (account: string) => ({ ...publish, context: { 'aws:SourceAccount': [account] } });
    const statements = statementsOf(PolicyDocument);
    assert.ok(permits(statements, fromAccount(LOCAL_ACCOUNT_ID)) && !permits(statements, fromAccount('111111111111')));
  });
});

interface MetricFilter {
  readonly LogGroupName: string;
  readonly FilterPattern: string;
  readonly MetricTransformations: readonly [{ MetricNamespace: string; MetricName: string; MetricValue: string }];
}

/** What the sweep really writes, by the log that the functions have. */
async function stockLine(): Promise<unknown> {
  const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    const { takeStock } = await import(${module('../../functions/sweep/take-stock.ts')});
    const { powertoolsLog } = await import(${module('../../functions/adapters/powertools-log.ts')});
    const { controlPlane } = await import(${module('../helpers/control-plane.ts')});
    await takeStock({ ...(await controlPlane()).ports, log: powertoolsLog() });`;
  return JSON.parse(await runCommandOrThrow(process.execPath, ['--input-type=module', '--eval', program]));
}

const logArn = (group: string): string => localArn('logs', `log-group:${group}:log-stream:s`);
const retention = (stack: PackagedStack, id: string) => [
  stack.resources[id]?.DeletionPolicy,
  stack.resources[id]?.UpdateReplacePolicy,
];
