/** The evaluator that the stack's roles are judged by, and what it reads requests as. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from '../../local/aws/calls.ts';
import { permits, statementsOf, statementsOfRole, unneeded } from '../../local/aws/policies.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/t';
const policy = (...statements: object[]) => statementsOf({ Version: '2012-10-17', Statement: statements });
const asked = (action: string, resourceArn = TABLE, leadingKey?: string) => ({
  action,
  resourceArn,
  context: leadingKey === undefined ? {} : { 'dynamodb:LeadingKeys': [leadingKey] },
});

describe('a policy', () => {
  it('allows what is written, and nothing by default', () => {
    const statements = policy({ Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:Put*'], Resource: TABLE });
    assert.ok(permits(statements, asked('dynamodb:GetItem')));
    assert.ok(permits(statements, asked('dynamodb:putitem')));
    assert.ok(!permits(statements, asked('dynamodb:DeleteItem')));
    assert.ok(!permits(statements, asked('dynamodb:GetItem', `${TABLE}/index/listing`)));
    assert.ok(!permits([], asked('dynamodb:GetItem')));
  });

  it('denies whatever else allows', () => {
    const statements = policy(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'logs:Delete*', Resource: '*' },
    );
    assert.ok(permits(statements, asked('logs:PutLogEvents')));
    assert.ok(!permits(statements, asked('logs:DeleteLogGroup')));
  });

  it('holds a condition against what the request brings', () => {
    const only = (operator: string) =>
      policy({
        Effect: 'Allow',
        Action: 'dynamodb:GetItem',
        Resource: TABLE,
        Condition: { [operator]: { 'dynamodb:LeadingKeys': ['RATE#*'] } },
      });
    const like = only('ForAllValues:StringLike');
    assert.ok(permits(like, asked('dynamodb:GetItem', TABLE, 'RATE#member:a')));
    assert.ok(!permits(like, asked('dynamodb:GetItem', TABLE, 'SITE#a')));
    assert.ok(permits(like, asked('dynamodb:GetItem')), 'no such key: as on AWS');
    assert.ok(!permits(only('StringLike'), asked('dynamodb:GetItem')));
    assert.ok(!permits(only('StringEquals'), asked('dynamodb:GetItem', TABLE, 'RATE#member:a')));
    assert.throws(() => only('NumericLessThan'));
  });

  it('says which of its actions and resources nobody needed', () => {
    const statements = policy({
      Effect: 'Allow',
      Action: ['dynamodb:GetItem', 'dynamodb:Query'],
      Resource: [TABLE, `${TABLE}/index/i`],
    });
    assert.deepEqual(unneeded(statements, [asked('dynamodb:GetItem')]), [
      `dynamodb:Query on ${TABLE}`,
      `dynamodb:Query on ${TABLE}/index/i`,
    ]);
    assert.deepEqual(unneeded(statements, [asked('dynamodb:GetItem'), asked('dynamodb:Query', `${TABLE}/index/i`)]), [
      `dynamodb:Query on ${TABLE}`,
    ]);
  });

  it('says of which partitions nobody needed it', () => {
    const Condition = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['SITE#*', 'OUTBOX'] } };
    const statements = policy({ Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: TABLE, Condition });
    assert.deepEqual(unneeded(statements, [asked('dynamodb:GetItem', TABLE, 'SITE#a')]), [
      `dynamodb:GetItem on ${TABLE} of OUTBOX`,
    ]);
  });

  it('is a role’s own: managed policies are not passed over', () => {
    const Properties = {
      AssumeRolePolicyDocument: {},
      Policies: [],
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
    };
    assert.throws(() => statementsOfRole('R', { R: { Type: 'AWS::IAM::Role', Properties } }));
  });
});

describe('a request', () => {
  const signed = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=caller/20261126/us-east-1/${service}/aws4_request, x`;
  const send = (service: string, target: string, body: unknown, url = '/', method = 'POST') =>
    callsOf({
      method,
      url,
      headers: { authorization: signed(service), 'x-amz-target': target },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    }).map(({ caller, action, resourceArn, context }) => [
      caller,
      action,
      resourceArn,
      ...Object.values(context).flat(),
    ]);

  const transact = (...TransactItems: readonly object[]) =>
    send('dynamodb', 'DynamoDB_20120810.TransactWriteItems', { TransactItems });

  it('of a transaction needs what each of its writes does', () =>
    assert.deepEqual(
      transact(
        { Put: { TableName: 't', Item: { pk: { S: 'A' } } } },
        { Update: { TableName: 't', Key: { pk: { S: 'B' } } } },
        { ConditionCheck: { TableName: 't', Key: { pk: { S: 'C' } } } },
      ),
      [
        ['caller', 'dynamodb:PutItem', TABLE, 'A'],
        ['caller', 'dynamodb:UpdateItem', TABLE, 'B'],
        ['caller', 'dynamodb:ConditionCheckItem', TABLE, 'C'],
      ],
    ));

  it('of a transaction is judged by the keys of all of one action together', () =>
    assert.deepEqual(
      transact(
        { Put: { TableName: 't', Item: { pk: { S: 'A' } } } },
        { Delete: { TableName: 't', Key: { pk: { S: 'B' } } } },
        { Put: { TableName: 't', Item: { pk: { S: 'C' } } } },
      ),
      [
        ['caller', 'dynamodb:PutItem', TABLE, 'A', 'C'],
        ['caller', 'dynamodb:DeleteItem', TABLE, 'B'],
      ],
    ));

  it('of a query names the index and the partition', () =>
    assert.deepEqual(
      send('dynamodb', 'DynamoDB_20120810.Query', {
        TableName: 't',
        IndexName: 'listing',
        KeyConditionExpression: 'listPk = :heading AND listSk < :before',
        ExpressionAttributeValues: { ':heading': { S: 'SITES' }, ':before': { S: 'x' } },
      }),
      [['caller', 'dynamodb:Query', `${TABLE}/index/listing`, 'SITES']],
    ));

  it('of a presigned URL is its signer’s', () => {
    const query = new URLSearchParams({ 'X-Amz-Credential': 'publisher/20261126/us-east-1/s3/aws4_request' });
    const url = `/bucket/images/a/parts/b?${query.toString()}`;
    const [call] = callsOf({ method: 'PUT', url, headers: {}, body: Buffer.alloc(0) });
    assert.deepEqual(
      [call?.caller, call?.action, call?.resourceArn],
      ['publisher', 's3:PutObject', 'arn:aws:s3:::bucket/images/a/parts/b'],
    );
  });

  it('to make a tagged queue needs both permissions', () => {
    const queue = 'arn:aws:sqs:us-east-1:000000000000:q';
    assert.deepEqual(send('sqs', 'AmazonSQS.CreateQueue', { QueueName: 'q', tags: { a: 'b' } }), [
      ['caller', 'sqs:CreateQueue', queue],
      ['caller', 'sqs:TagQueue', queue],
    ]);
    assert.deepEqual(send('sqs', 'AmazonSQS.SendMessageBatch', { QueueUrl: 'http://127.0.0.1:1/000000000000/q' }), [
      ['caller', 'sqs:SendMessage', queue],
    ]);
  });

  it('that no rule is known for is no guess', () => {
    assert.throws(() => send('s3', '', '', '/bucket?policy', 'PUT'), { code: 'INVALID_REQUEST' });
    assert.throws(() => send('iam', '', ''), { code: 'INVALID_REQUEST' });
    assert.throws(() => callsOf({ method: 'GET', url: '/', headers: {}, body: Buffer.alloc(0) }), {
      code: 'INVALID_REQUEST',
    });
  });
});
