/** Values of a CloudFormation template as they would be in the embedded cloud's account: its intrinsic functions, resolved. */
import * as z from 'zod';
import { LOCAL_ACCOUNT_ID, LOCAL_REGION, localArn } from './account.ts';
import { secretArn } from './calls.ts';
import type { StackResources } from './stack-resources.ts';

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::AccountId': LOCAL_ACCOUNT_ID,
  'AWS::Partition': 'aws',
  'AWS::Region': LOCAL_REGION,
  'AWS::URLSuffix': 'amazonaws.com',
};

const intrinsicSchema = z.union([
  z.strictObject({ Ref: z.string() }),
  z.strictObject({ 'Fn::GetAtt': z.union([z.string(), z.tuple([z.string(), z.string()])]) }),
  z.strictObject({ 'Fn::Sub': z.string() }),
  z.strictObject({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) }),
]);

export class StackValues {
  readonly #resources: StackResources;

  constructor(resources: StackResources) {
    this.#resources = resources;
  }

  /** The same value without intrinsic functions. A name that AWS makes up becomes `<logical id>`. */
  resolve(value: unknown): unknown {
    const intrinsic = intrinsicSchema.safeParse(value);
    if (intrinsic.success) return this.#call(intrinsic.data);
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.resolve(inner)]));
  }

  #call(intrinsic: z.infer<typeof intrinsicSchema>): string {
    if ('Ref' in intrinsic) return this.#attribute(intrinsic.Ref, undefined);
    if ('Fn::GetAtt' in intrinsic) {
      const path = intrinsic['Fn::GetAtt'];
      const [id = '', ...attribute] = typeof path === 'string' ? path.split('.') : path;
      return this.#attribute(id, attribute.join('.'));
    }
    if ('Fn::Join' in intrinsic) {
      const [separator, parts] = intrinsic['Fn::Join'];
      return parts.map((part) => String(this.resolve(part))).join(separator);
    }
    return intrinsic['Fn::Sub'].replace(/\$\{([\w:]+)(?:\.([\w.]+))?\}/g, (_all, id: string, attribute?: string) =>
      this.#attribute(id, attribute),
    );
  }

  #attribute(id: string, attribute: string | undefined): string {
    const pseudo = PSEUDO_PARAMETERS[id];
    if (pseudo !== undefined) return pseudo;
    const resource = this.#resources[id];
    const named = (property: string): string => String(this.resolve(resource?.Properties[property] ?? `<${id}>`));
    switch (`${resource?.Type ?? ''} ${attribute ?? 'Ref'}`) {
      case 'AWS::DynamoDB::Table Arn':
        return localArn('dynamodb', `table/${named('TableName')}`);
      case 'AWS::SQS::Queue Arn':
        return localArn('sqs', named('QueueName'));
      case 'AWS::Logs::LogGroup Arn':
        return localArn('logs', `log-group:${named('LogGroupName')}:*`);
      case 'AWS::Lambda::Function Arn':
        return localArn('lambda', `function:${named('FunctionName')}`);
      case 'AWS::SecretsManager::Secret Ref':
        return secretArn(named('Name'));
      case 'AWS::S3::Bucket Ref':
        return named('BucketName');
      case 'AWS::S3::Bucket Arn':
        return `arn:aws:s3:::${named('BucketName')}`;
      case 'AWS::IAM::Role Arn':
        return `arn:aws:iam::${LOCAL_ACCOUNT_ID}:role/${named('RoleName')}`;
      default:
        return attribute === undefined ? `<${id}>` : `<${id}.${attribute}>`;
    }
  }
}
