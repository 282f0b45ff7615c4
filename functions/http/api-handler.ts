/** Turns an operation into a Lambda handler for the HTTP API: parses, calls, maps errors to problem documents. */
import { createHash } from 'node:crypto';
import middy from '@middy/core';
import httpHeaderNormalizer from '@middy/http-header-normalizer';
import { MAX_BODY_BYTES } from '#shared/api/limits.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { boundedText, type Log } from '#shared/log-fields.ts';
import type { APIGatewayProxyEventV2WithLambdaAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type * as z from 'zod';
import type { RateLimiter } from '../ports.ts';
import { type IdentityContext, identitySchema } from './identity.ts';
import { PATH_PARAMETERS, type PathParameter } from './path-parameters.ts';
import { problemOf } from './problem.ts';
import { takesQuery } from './query-routes.ts';
import { rateCallerOf, rateClassOf, ThrottledError } from './rate-limit.ts';

/** No schema nests half as deep. */
const MAX_BODY_DEPTH = 16;
/** Services' quotas are by the second. */
const SERVICE_RETRY_AFTER_SECONDS = 1;

export interface ApiRequest {
  readonly method: string;
  /** As serverless.yml spells it, for example `POST /v1/images/{imageId}/uploads`. */
  readonly routeKey: string;
  readonly identity: IdentityContext | undefined;
  readonly requestId: string;
  readonly sourceAddress: string;
  /** Throws NOT_FOUND for what can be no such id or name: it never reaches the store. */
  pathParameter(name: PathParameter): string;
  /** Throws INVALID_REQUEST naming the parameter. */
  query<Schema extends z.ZodType>(schema: Schema): z.infer<Schema>;
  header(name: string): string | undefined;
  /** Throws INVALID_REQUEST naming the field. */
  body<Schema extends z.ZodType>(schema: Schema): z.infer<Schema>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

type Event = APIGatewayProxyEventV2WithLambdaAuthorizer<Record<string, unknown> | null | undefined>;

/** What an operation with a known caller needs before it begins. */
export interface ApiPorts {
  readonly log: Log;
  readonly now: () => Date;
  readonly rateLimiter: RateLimiter;
}

type ApiOperation = (request: ApiRequest) => Promise<ApiAnswer>;

/**
 * Wraps an operation of members or agents, who may ask so often (THROTTLED). Whatever it throws leaves as an RFC 9457 problem
 * document; what is not ours is logged as a bug.
 */
export function apiHandler(ports: ApiPorts, operation: ApiOperation) {
  return publicApiHandler(ports.log, async (request) => {
    await requireToken(request, ports);
    return operation(request);
  });
}

/** The same for an operation that anybody may call. */
export function publicApiHandler(log: Log, operation: ApiOperation) {
  return middy<Event, APIGatewayProxyStructuredResultV2>()
    .use(httpHeaderNormalizer())
    .handler(async (event) => {
      const requestId = event.requestContext.requestId;
      try {
        const answer = await operation(readRequest(event));
        return jsonAnswer(answer.status, { 'content-type': 'application/json' }, answer.body);
      } catch (error) {
        const problem = problemOf(error, requestId);
        const fields = { requestId, operation: event.routeKey, errorCode: problem.code, httpStatus: problem.status };
        if (error instanceof EdgebootError)
          log.info('request refused', { ...fields, reason: boundedText(error.message) });
        else log.error('request failed', { ...fields, reason: boundedText(String((error as Error).stack ?? error)) });
        const headers = {
          'content-type': 'application/problem+json',
          ...(problem.code === 'THROTTLED' && { 'retry-after': String(retryAfterSeconds(error)) }),
        };
        return jsonAnswer(problem.status, headers, problem);
      }
    });
}

/** Of those who are throttled by a service behind us, which is asked by others as well. */
const retryAfterSeconds = (error: unknown): number =>
  error instanceof ThrottledError ? error.retryAfterSeconds : SERVICE_RETRY_AFTER_SECONDS;

/** Throws ThrottledError. When the store does not answer, nobody is refused for that: the limit saves cost, and guards nothing. */
async function requireToken(request: ApiRequest, { log, now, rateLimiter }: ApiPorts): Promise<void> {
  const { identity, method, requestId, routeKey } = request;
  if (identity === undefined) return;
  const rateClass = rateClassOf(method);
  const waitSeconds = await rateLimiter.take(rateCallerOf(identity), rateClass, now()).catch((error: unknown) => {
    log.warn('the rate limit could not be asked', {
      requestId,
      operation: routeKey,
      reason: boundedText(messageOf(error)),
    });
    return 0;
  });
  if (waitSeconds > 0) throw new ThrottledError(rateClass, waitSeconds);
}

function jsonAnswer(
  statusCode: number,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers, body: JSON.stringify(body) };
}

function readRequest(event: Event): ApiRequest {
  const text = event.isBase64Encoded ? Buffer.from(event.body ?? '', 'base64').toString() : (event.body ?? '');
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    throw new EdgebootError('REQUEST_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  }
  const [parameter] = Object.keys(event.queryStringParameters ?? {});
  if (parameter !== undefined && !takesQuery(event.routeKey)) {
    throw new EdgebootError('INVALID_REQUEST', boundedText(`${event.routeKey} knows no query parameter ${parameter}`));
  }
  const identity = readIdentity(event);
  if (identity?.kind === 'agent' && sha256(text) !== identity.bodySha256) {
    throw new EdgebootError('UNAUTHENTICATED', 'the body is not the one that the agent signed');
  }
  return {
    method: event.requestContext.http.method,
    routeKey: event.routeKey,
    identity,
    requestId: event.requestContext.requestId,
    sourceAddress: event.requestContext.http.sourceIp,
    pathParameter: (name) => {
      const value = PATH_PARAMETERS[name].safeParse(event.pathParameters?.[name]);
      if (!value.success) throw new EdgebootError('NOT_FOUND', `what the path names can be no ${name}`);
      return value.data;
    },
    query: (schema) => parse(schema, event.queryStringParameters ?? {}, 'query'),
    header: (name) => event.headers[name.toLowerCase()],
    body: (schema) => parseBody(schema, text),
  };
}

function readIdentity(event: Event): IdentityContext | undefined {
  // Routes without an authorizer have no such context.
  const authorizer = (event.requestContext as { authorizer?: { lambda?: unknown } }).authorizer;
  return identitySchema.safeParse(authorizer?.lambda).data;
}

function parseBody<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new EdgebootError('INVALID_REQUEST', 'the body is not JSON');
  }
  if (isDeeperThan(MAX_BODY_DEPTH, json)) {
    throw new EdgebootError('INVALID_REQUEST', `the body nests deeper than ${MAX_BODY_DEPTH} levels`);
  }
  return parse(schema, json, 'body');
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw new EdgebootError('INVALID_REQUEST', boundedText(issues.join('; ')));
}

/** A text or number is 0 deep, an array or object one more than what it holds. Never recurses further than `levels`. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
