/**
 * STS, as far as the project calls it: AssumeRole and GetCallerIdentity of its query protocol. The credentials that it gives are
 * random. What was asked for is kept: it says what the session may (role-guard.ts).
 */
import { randomBytes } from 'node:crypto';
import { create } from 'xmlbuilder2';
import * as z from 'zod';
import { startLoopbackServer } from '../loopback-server.ts';
import { LOCAL_ACCOUNT_ID } from './account.ts';
import { AwsFault, readBody } from './aws-json.ts';

const XML_NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

const assumeRoleInput = z.object({
  RoleArn: z.string().regex(/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/),
  RoleSessionName: z.string().regex(/^[\w+=,.@-]{2,64}$/),
  /** Inline session policy, at most 2,048 characters of JSON. */
  Policy: z.string().min(1).max(2_048).optional(),
  DurationSeconds: z.coerce.number().int().min(900).max(43_200).default(3_600),
});

/** A role that somebody took on. Its secrets are not kept. */
export interface AssumedRole {
  readonly accessKeyId: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** The session policy, parsed. */
  readonly sessionPolicy: unknown;
  readonly expiration: Date;
}

export interface Sts {
  readonly endpoint: string;
  /** In order of time. */
  readonly assumedRoles: readonly AssumedRole[];
  close(): Promise<void>;
}

/** Serves STS on a loopback port. */
export async function startSts(): Promise<Sts> {
  const assumedRoles: AssumedRole[] = [];
  const run = (parameters: URLSearchParams, authorization: string) => {
    switch (parameters.get('Action')) {
      case 'AssumeRole':
        return assumeRole(parameters, assumedRoles);
      case 'GetCallerIdentity':
        return callerIdentity(authorization, assumedRoles);
      default:
        return new AwsFault('InvalidAction', 'The action is not served here.');
    }
  };
  const server = await startLoopbackServer((request, response) => {
    void readBody(request)
      .then((body) => run(new URLSearchParams(body), request.headers.authorization ?? ''))
      .catch(() => new AwsFault('InvalidParameterValue', 'The body cannot be read.'))
      .then((result) => {
        response.writeHead(result instanceof AwsFault ? 400 : 200, { 'content-type': 'text/xml' });
        response.end(toXml(result));
      });
  });
  return { endpoint: server.url, assumedRoles, close: () => server.close() };
}

/** An answer: the action's name and the members of its result. */
interface QueryResult {
  readonly action: string;
  readonly result: object;
}

function assumeRole(parameters: URLSearchParams, assumedRoles: AssumedRole[]): QueryResult | AwsFault {
  const parsed = assumeRoleInput.safeParse(Object.fromEntries(parameters));
  if (!parsed.success) return new AwsFault('ValidationError', z.prettifyError(parsed.error));
  const { RoleArn, RoleSessionName, Policy, DurationSeconds } = parsed.data;
  const sessionPolicy = Policy === undefined ? undefined : parseJson(Policy);
  if (Policy !== undefined && sessionPolicy === undefined) {
    return new AwsFault('MalformedPolicyDocument', 'The session policy is not JSON.');
  }
  const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
  const expiration = new Date(Math.floor(Date.now() / 1_000 + DurationSeconds) * 1_000);
  const role = { accessKeyId, roleArn: RoleArn, sessionName: RoleSessionName, sessionPolicy, expiration };
  assumedRoles.push(role);
  return {
    action: 'AssumeRole',
    result: {
      AssumedRoleUser: { AssumedRoleId: `AROALOCAL:${RoleSessionName}`, Arn: assumedRoleArn(role) },
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: randomBytes(30).toString('base64'),
        SessionToken: randomBytes(96).toString('base64'),
        Expiration: expiration.toISOString(),
      },
    },
  };
}

/** Known by the access key in the signature, which is not checked. */
function callerIdentity(authorization: string, assumedRoles: readonly AssumedRole[]): QueryResult {
  const accessKeyId = /Credential=([^/]+)\//.exec(authorization)?.[1];
  const role = assumedRoles.find((candidate) => candidate.accessKeyId === accessKeyId);
  return {
    action: 'GetCallerIdentity',
    result: {
      Arn: role === undefined ? `arn:aws:iam::${LOCAL_ACCOUNT_ID}:user/local` : assumedRoleArn(role),
      UserId: role === undefined ? 'AIDALOCAL' : `AROALOCAL:${role.sessionName}`,
      Account: LOCAL_ACCOUNT_ID,
    },
  };
}

function assumedRoleArn(role: AssumedRole): string {
  return `arn:aws:sts::${LOCAL_ACCOUNT_ID}:assumed-role/${role.roleArn.split('/').at(-1) ?? ''}/${role.sessionName}`;
}

function toXml(result: QueryResult | AwsFault): string {
  const metadata = { RequestId: randomBytes(16).toString('hex') };
  const document =
    result instanceof AwsFault
      ? { ErrorResponse: { Error: { Type: 'Sender', Code: result.code, Message: result.message }, ...metadata } }
      : {
          [`${result.action}Response`]: { [`${result.action}Result`]: result.result, ResponseMetadata: metadata },
        };
  return create({ defaultNamespace: { ele: XML_NAMESPACE } }, document).end();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
