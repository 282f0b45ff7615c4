/** The stack's roles held against the calls that were seen, both ways: nothing is missing, and nothing is too much. */
import assert from 'node:assert/strict';
import type { Cloud } from '../../local/cloud.ts';
import type { ServiceDefinition } from '../../local/service-definition.ts';
import { type Asked, statementsOfRole, unneeded } from '../../local/aws/policies.ts';
import { arePermitting, type Policies, policiesOfSession } from '../../local/aws/role-guard.ts';
import type { WatchedCalls } from './watched-calls.ts';

/** What a function did that its role does not permit, and what its role permits that it did not do. */
export function functionFindings({ functions, resources }: ServiceDefinition, calls: WatchedCalls): string[] {
  return Object.entries(functions).flatMap(([name, { role }]) => {
    if (role === undefined) return [`${name} has no role of its own`];
    const all = statementsOfRole(role, resources.Resources);
    // What Lambda itself writes in the function's name: nobody sees the function do it.
    const ownLog = new RegExp(`^arn:aws:logs:[^*]*:log-group:/aws/lambda/[\\w-]+-${name}:\\*$`);
    const statements = all.filter(({ Resource }) => !Resource.every((resource) => ownLog.test(resource)));
    return [
      ...(statements.length === all.length ? [`${name} cannot write its own log`] : []),
      ...findings(name, [statements], calls.of(name)),
    ];
  });
}

/** The same of an agent's session, which may what both its role and its session policy permit; and what else it could reach. */
export function sessionFindings(cloud: Cloud, accessKeyId: string, calls: WatchedCalls): string[] {
  const session = cloud.assumedRoles.find((role) => role.accessKeyId === accessKeyId);
  assert.ok(session);
  const policies = policiesOfSession(session, cloud.definition.resources.Resources);
  const own = calls.of(accessKeyId);
  const ownQueue = own[0]?.resourceArn;
  const otherQueues = ['-site-ucsd', '-site-naist-2', '-dead-letters'].flatMap((suffix) =>
    own.map((call) => ({ ...call, resourceArn: call.resourceArn.replace(/-site-naist$/, suffix) })),
  );
  const elsewhere = calls.all().filter(({ resourceArn }) => resourceArn !== ownQueue);
  const reached = [...otherQueues, ...elsewhere].filter((call) => arePermitting(policies, call));
  return [
    ...findings('the session', policies, own),
    ...reached.map(({ action, resourceArn }) => `the session reaches ${action} on ${resourceArn}`),
  ];
}

function findings(who: string, policies: Policies, calls: readonly Asked[]): string[] {
  const refused = calls.filter((call) => !arePermitting(policies, call));
  return [
    ...new Set(refused.map(({ action, resourceArn }) => `${who} did, and may not: ${action} on ${resourceArn}`)),
    ...policies.flatMap((statements) => unneeded(statements, calls)).map((what) => `${who} may, and did not: ${what}`),
  ];
}
