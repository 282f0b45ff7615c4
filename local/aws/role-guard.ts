/**
 * Who may what, as IAM has it: a function by its own role, a session by the role that it assumed and its session policy. Everybody
 * else is the account's own administrator.
 */
import type { ServiceDefinition } from '../service-definition.ts';
import { AwsFault } from './aws-json.ts';
import type { CallWatcher } from './call-watch.ts';
import type { AwsCall } from './calls.ts';
import { type Asked, permits, type Statement, statementsOf, statementsOfRole } from './policies.ts';
import type { StackResources } from './stack-resources.ts';
import type { AssumedRole } from './sts.ts';

/** Policies that have to permit a call, each of them. */
export type Policies = readonly (readonly Statement[])[];

export const arePermitting = (policies: Policies, call: Asked): boolean =>
  policies.every((statements) => permits(statements, call));

/** @throws Error where a session's role is none of the stack */
export function policiesOfSession({ roleArn, sessionPolicy }: AssumedRole, resources: StackResources): Policies {
  const roleName = roleArn.split('/').at(-1);
  const roleId = Object.keys(resources).find((id) => resources[id]?.Properties['RoleName'] === roleName);
  if (roleId === undefined) throw new Error(`the stack has no role ${String(roleName)}`);
  const role = statementsOfRole(roleId, resources);
  return sessionPolicy === undefined ? [role] : [role, statementsOf(sessionPolicy)];
}

/** Refuses what the caller's policies do not permit. `assumedRoles` may grow. */
export function guardByRoles(
  { functions, resources }: ServiceDefinition,
  assumedRoles: readonly AssumedRole[],
): CallWatcher {
  const known = new Map<string, Policies | undefined>();
  const policiesOf = (caller: string): Policies | undefined => {
    const role = Object.hasOwn(functions, caller) ? functions[caller]?.role : undefined;
    if (role !== undefined) return [statementsOfRole(role, resources.Resources)];
    const session = assumedRoles.find(({ accessKeyId }) => accessKeyId === caller);
    return session && policiesOfSession(session, resources.Resources);
  };
  return (call) => {
    if (!known.has(call.caller)) known.set(call.caller, policiesOf(call.caller));
    const policies = known.get(call.caller);
    return policies === undefined || arePermitting(policies, call) ? undefined : notAuthorized(call);
  };
}

const notAuthorized = ({ caller, action, resourceArn, context }: AwsCall): AwsFault =>
  new AwsFault(
    'AccessDeniedException',
    `${caller} is not authorized to perform: ${action} on resource: ${resourceArn}, with ${JSON.stringify(context)}`,
  );
