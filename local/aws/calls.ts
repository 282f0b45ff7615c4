/**
 * What a request to AWS asks for, in the words of its policies: which action on which resource, and as whom. Pure. The rules are those
 * of the Service Authorization Reference, for the services that this project calls.
 */
import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import { EdgebootError } from '#shared/errors.ts';
import { localArn as arn } from './account.ts';

/** One permission that a request needs; a transaction needs several. */
export interface AwsCall {
  /** The access key of the signature, which names the caller. */
  readonly caller: string;
  /** For example `dynamodb:PutItem`. */
  readonly action: string;
  readonly resourceArn: string;
  /** Condition keys that the request brings. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

export interface AwsRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Permission = Omit<AwsCall, 'caller' | 'context'> & Partial<Pick<AwsCall, 'context'>>;

/** Who signed the request, and for which service: in the Authorization header, or in the query of a presigned URL. */
export function signerOf({ url, headers }: AwsRequest): { readonly caller: string; readonly service: string } {
  const presigned = new URLSearchParams(url.split('?')[1]).get('X-Amz-Credential');
  const credential = presigned ?? /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1];
  const [caller, , , service] = credential?.split('/') ?? [];
  if (caller === undefined || service === undefined) {
    throw new EdgebootError('INVALID_REQUEST', 'the request to AWS is not signed');
  }
  return { caller, service };
}

/** Every permission that the request needs. @throws EdgebootError INVALID_REQUEST for a request whose rule is not written here */
export function callsOf(request: AwsRequest): AwsCall[] {
  const { caller, service } = signerOf(request);
  const read = Object.hasOwn(READERS, service) ? READERS[service] : undefined;
  if (read === undefined) throw unknown(service, request);
  return read(request).map((permission) => ({ caller, context: {}, ...permission }));
}

const READERS: Readonly<Record<string, (request: AwsRequest) => Permission[]>> = {
  dynamodb: readDynamoDb,
  lambda: readLambda,
  logs: readLogs,
  s3: readS3,
  secretsmanager: readSecretsManager,
  sqs: readSqs,
  sts: readSts,
};

const unknown = (service: string, { method, url }: AwsRequest): EdgebootError =>
  new EdgebootError('INVALID_REQUEST', `no rule says which permission ${service} wants for ${method} ${url}`);
const operationOf = ({ headers }: AwsRequest): string => String(headers['x-amz-target']).split('.')[1] ?? '';
const json = <Input>({ body }: AwsRequest, schema: z.ZodType<Input>): Input =>
  schema.parse(JSON.parse(body.toString()));

export const LEADING_KEYS = 'dynamodb:LeadingKeys';

const attributes = z.record(z.string(), z.object({ S: z.string().optional() }));
const itemInput = z.object({
  TableName: z.string(),
  IndexName: z.string().optional(),
  Key: attributes.optional(),
  Item: attributes.optional(),
  KeyConditionExpression: z.string().optional(),
  ExpressionAttributeValues: attributes.optional(),
});
type ItemInput = z.infer<typeof itemInput>;
const transactionInput = z.object({
  TransactItems: z.array(z.partialRecord(z.enum(['Get', 'Put', 'Update', 'Delete', 'ConditionCheck']), itemInput)),
});

/**
 * A transaction needs what its items would need one by one. Whether the keys of all of one action are judged together, as a batch's are,
 * AWS does not say: here they are, which is the stricter.
 */
function readDynamoDb(request: AwsRequest): Permission[] {
  const operation = operationOf(request);
  if (!operation.startsWith('Transact')) return [itemPermission(operation, json(request, itemInput))];
  const items = json(request, transactionInput).TransactItems.flatMap((item) =>
    Object.entries(item).map(([kind, input]) =>
      itemPermission(kind === 'ConditionCheck' ? 'ConditionCheckItem' : `${kind}Item`, input),
    ),
  );
  const byAction = Map.groupBy(items, ({ action, resourceArn }) => `${action} ${resourceArn}`);
  return [...byAction.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ ...first, context: { [LEADING_KEYS]: [first, ...others].flatMap(leadingKeysOf) } }],
  );
}

const leadingKeysOf = ({ context = {} }: Permission): readonly string[] => context[LEADING_KEYS] ?? [];

function itemPermission(operation: string, input: ItemInput): Permission {
  const { TableName, IndexName, Key, Item, KeyConditionExpression = '', ExpressionAttributeValues } = input;
  const valueName = /^\S+ = (:\w+)/.exec(KeyConditionExpression)?.[1] ?? '';
  const leadingKey = (Key ?? Item)?.['pk']?.S ?? ExpressionAttributeValues?.[valueName]?.S;
  return {
    action: `dynamodb:${operation}`,
    resourceArn: arn('dynamodb', `table/${TableName}${IndexName === undefined ? '' : `/index/${IndexName}`}`),
    context: leadingKey === undefined ? {} : { [LEADING_KEYS]: [leadingKey] },
  };
}

function readLambda(request: AwsRequest): Permission[] {
  const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations/.exec(request.url)?.[1];
  if (name === undefined) throw unknown('lambda', request);
  return [{ action: 'lambda:InvokeFunction', resourceArn: arn('lambda', `function:${decodeURIComponent(name)}`) }];
}

function readLogs(request: AwsRequest): Permission[] {
  const input = json(request, z.object({ logGroupName: z.string(), logStreamName: z.string().default('') }));
  const resource = `log-group:${input.logGroupName}:log-stream:${input.logStreamName}`;
  return [{ action: `logs:${operationOf(request)}`, resourceArn: arn('logs', resource) }];
}

/** Secrets Manager puts a hyphen and six characters of its own behind the name. */
export const secretArn = (name: string): string => arn('secretsmanager', `secret:${name}-000000`);

function readSecretsManager(request: AwsRequest): Permission[] {
  const { SecretId } = json(request, z.object({ SecretId: z.string() }));
  return [{ action: `secretsmanager:${operationOf(request)}`, resourceArn: secretArn(SecretId) }];
}

/** Tags at a queue's making need their own permission. */
function readSqs(request: AwsRequest): Permission[] {
  const input = json(
    request,
    z.object({ QueueUrl: z.string().optional(), QueueName: z.string().optional(), tags: z.unknown() }).partial(),
  );
  const resourceArn = arn('sqs', input.QueueName ?? input.QueueUrl?.split('/').at(-1) ?? '');
  const operation = operationOf(request).replace(/Batch$/, '');
  return [operation, ...(operation === 'CreateQueue' && input.tags !== undefined ? ['TagQueue'] : [])].map((name) => ({
    action: `sqs:${name}`,
    resourceArn,
  }));
}

function readSts(request: AwsRequest): Permission[] {
  const parameters = new URLSearchParams(request.body.toString());
  return [{ action: `sts:${parameters.get('Action') ?? ''}`, resourceArn: parameters.get('RoleArn') ?? '' }];
}

/** With the bucket's name in the path. HEAD of an object needs what GET does. */
function readS3(request: AwsRequest): Permission[] {
  const { pathname, searchParams } = new URL(request.url, 'http://s3');
  const [, bucket = '', ...key] = pathname.split('/');
  const object = `arn:aws:s3:::${bucket}/${decodeURIComponent(key.join('/'))}`;
  const is = (method: string, ...parameters: string[]) =>
    request.method === method && parameters.every((name) => searchParams.has(name));
  if (key.join('/') === '') {
    if (is('GET', 'list-type')) return [{ action: 's3:ListBucket', resourceArn: `arn:aws:s3:::${bucket}` }];
    if (is('POST', 'delete')) {
      return [...request.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = '']) => ({
        action: 's3:DeleteObject',
        resourceArn: `arn:aws:s3:::${bucket}/${name}`,
      }));
    }
    throw unknown('s3', request);
  }
  const action = { GET: 's3:GetObject', HEAD: 's3:GetObject', PUT: 's3:PutObject', DELETE: 's3:DeleteObject' }[
    request.method
  ];
  if (action === undefined || request.headers['x-amz-copy-source'] !== undefined) throw unknown('s3', request);
  return [{ action, resourceArn: object }];
}
