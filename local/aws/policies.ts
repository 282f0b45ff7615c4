/**
 * What the stack's roles permit, held against calls that were seen. Knows of IAM what the stack uses: Allow and Deny, wildcards, three
 * condition operators; any other fails rather than be passed over.
 * Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
 */
import * as z from 'zod';
import { type AwsCall, LEADING_KEYS } from './calls.ts';
import type { StackResources } from './stack-resources.ts';
import { matchesResource as matchesPattern } from '../distribution/policy.ts';
import { StackValues } from './stack-values.ts';

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.unknown().optional(),
  Action: oneOrMore,
  Resource: oneOrMore,
  Condition: z
    .partialRecord(z.enum(['StringEquals', 'StringLike', 'ForAllValues:StringLike']), z.record(z.string(), oneOrMore))
    .optional(),
});
export type Statement = z.infer<typeof statementSchema>;

export type Asked = Omit<AwsCall, 'caller'>;

const policySchema = z.object({ Version: z.literal('2012-10-17'), Statement: z.array(statementSchema) });

/** The statements of a policy whose values are resolved. */
export const statementsOf = (policy: unknown): Statement[] => policySchema.parse(policy).Statement;

/** All statements of a role's own policies; a role with policies from elsewhere fails. */
export function statementsOfRole(roleId: string, resources: StackResources): Statement[] {
  const properties = z
    .strictObject({
      RoleName: z.string().optional(),
      AssumeRolePolicyDocument: z.unknown(),
      Policies: z.array(z.object({ PolicyDocument: z.unknown() })),
    })
    .parse(new StackValues(resources).resolve(resources[roleId]?.Properties));
  return properties.Policies.flatMap(({ PolicyDocument }) => statementsOf(PolicyDocument));
}

/** Whether an identity with these statements may: something allows it, and nothing denies it. */
export function permits(statements: readonly Statement[], asked: Asked): boolean {
  const matching = statements.filter((statement) => covers(statement, asked));
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

/** Every action of a statement, on each of its resources and partitions, that none of the calls needed. */
export function unneeded(statements: readonly Statement[], calls: readonly Asked[]): string[] {
  const single = calls.flatMap(callsByKey);
  return statements
    .flatMap(partsOf)
    .filter((part) => !single.some((call) => covers(part.statement, call)))
    .map(({ what }) => what);
}

/** The call once for each of its keys. */
function callsByKey(call: Asked): readonly Asked[] {
  const keys = call.context[LEADING_KEYS] ?? [];
  return keys.length === 0
    ? [call]
    : keys.map((key) => ({ ...call, context: { ...call.context, [LEADING_KEYS]: [key] } }));
}

/** The statement once for each action, resource and, where it names them, partition of the table. */
function partsOf(statement: Statement): { readonly what: string; readonly statement: Statement }[] {
  const { Action, Resource, Condition } = statement;
  const partitions = Condition?.['ForAllValues:StringLike']?.[LEADING_KEYS] ?? [undefined];
  return Action.flatMap((action) =>
    Resource.filter((resource) => isPossible(action, resource)).flatMap((resource) =>
      partitions.map((partition) => ({
        what: `${action} on ${resource}${partition === undefined ? '' : ` of ${partition}`}`,
        statement: {
          ...statement,
          ...{ Action: [action], Resource: [resource] },
          ...(partition !== undefined && {
            Condition: { ...Condition, 'ForAllValues:StringLike': { [LEADING_KEYS]: [partition] } },
          }),
        },
      })),
    ),
  );
}

/** From an index DynamoDB reads rows, and nothing else: to allow more allows nothing. */
const isPossible = (action: string, resource: string): boolean =>
  !resource.includes('/index/') || ['dynamodb:Query', 'dynamodb:Scan'].includes(action);

function covers({ Action, Resource, Condition = {} }: Statement, asked: Asked): boolean {
  return (
    Action.some((pattern) => matchesPattern(pattern.toLowerCase(), asked.action.toLowerCase())) &&
    Resource.some((pattern) => matchesPattern(pattern, asked.resourceArn)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, wanted, asked.context[key])),
    )
  );
}

/** ForAllValues holds where the request has no such key; the others do not. */
function holds(operator: string, wanted: readonly string[], values: readonly string[] | undefined): boolean {
  const fits = (value: string): boolean =>
    wanted.some((pattern) => (operator.endsWith('StringLike') ? matchesPattern(pattern, value) : pattern === value));
  return operator.startsWith('ForAllValues:') ? (values ?? []).every(fits) : (values ?? []).some(fits);
}
