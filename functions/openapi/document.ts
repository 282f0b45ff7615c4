/** The API's description as an OpenAPI 3.1 document, made from the table of operations and the zod schemas. */
import { ERROR_KINDS, type ErrorCode } from '#shared/errors.ts';
import { PATH_PARAMETERS, type PathParameter } from '../http/path-parameters.ts';
import { problemSchema } from '#shared/api/problem.ts';
import { IDEMPOTENCY_KEY } from '../http/idempotency-key.ts';
import * as z from 'zod';
import { componentSchemas, referenceTo, withoutDialect } from './components.ts';
import { errorCodesOf, FAULTS } from './error-codes.ts';
import { type Caller, type Operation, operations, type Route } from './operations.ts';

export const JSON_TYPE = 'application/json';
export const PROBLEM_TYPE = 'application/problem+json';

const SECURITY: Readonly<Record<Caller, object[]>> = { anyone: [], member: [{ member: [] }], agent: [{ agent: [] }] };

const DESCRIPTION = `Publish an image once; deploy it at any site of the federation.

A request that is refused is answered with an RFC 9457 problem document. Branch on its \`code\`: each response lists its own, and
codes are stable. Answers may have more fields in time: ignore those that you do not know.`;

/** @param issuer where members' tokens come from: its discovery document is what the description refers to. */
export function openApiDocument(issuer: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { route, operation } of operations()) {
    const [method = '', path = ''] = route.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(route, operation) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Edgeboot',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: componentSchemas(), securitySchemes: securitySchemes(issuer) },
  };
}

function describe(route: Route, operation: Operation) {
  return {
    operationId: operationIdOf(route),
    summary: operation.summary,
    security: SECURITY[operation.caller],
    parameters: parametersOf(route, operation),
    ...(operation.request && {
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: referenceTo(operation.request) } } },
    }),
    responses: {
      [operation.status]: {
        description: operation.summary,
        content: { [JSON_TYPE]: { schema: referenceTo(operation.response) } },
      },
      ...refusalsOf(route, operation),
    },
  };
}

/** `POST /v1/images/{imageId}/uploads` is `postImagesByImageIdUploads`. */
function operationIdOf(route: Route): string {
  const words = route
    .replace(/\/v1\/|\/\.well-known\//, '/')
    .replaceAll('{', 'by-')
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  const [method = '', ...rest] = words;
  return method.toLowerCase() + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function parametersOf(route: Route, { idempotent, query }: Operation) {
  const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true },
    schema: plainSchema(PATH_PARAMETERS[name as PathParameter]),
  }));
  const header = { name: 'Idempotency-Key', in: 'header', schema: plainSchema(IDEMPOTENCY_KEY) };
  return [
    ...inPath,
    ...queryParametersOf(query),
    ...(idempotent
      ? [{ ...header, description: 'Asked again with the same key, the API answers what was made the first time.' }]
      : []),
  ];
}

function queryParametersOf(query: Operation['query']) {
  return Object.entries(query?.shape ?? {}).map(([name, described]) => {
    const { description, ...schema } = plainSchema(described as z.ZodType);
    const isRequired = !(described as z.ZodType).safeParse(undefined).success;
    return { name, in: 'query', ...(isRequired && { required: true }), description, schema };
  });
}

const plainSchema = (schema: z.ZodType) => withoutDialect(z.toJSONSchema(schema, { io: 'input' }));

function refusalsOf(route: Route, operation: Operation) {
  const byStatus = Map.groupBy([...errorCodesOf(route, operation), ...FAULTS], (code) => ERROR_KINDS[code].httpStatus);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, refusal(status, codes)]));
}

function refusal(status: number, codes: readonly ErrorCode[]) {
  const problem = { allOf: [referenceTo(problemSchema), { properties: { code: { enum: codes } } }] };
  return {
    ...(status === 429 && {
      headers: { 'Retry-After': { description: 'Seconds.', required: true, schema: { type: 'integer' } } },
    }),
    description: codes.map((code) => `${code}: ${ERROR_KINDS[code].remedy}`).join('\n\n'),
    content: {
      [PROBLEM_TYPE]: { schema: problem },
      // Without a good token the request ends in front of the functions, whose document it therefore is not.
      ...(status === 401 && {
        [JSON_TYPE]: { schema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } },
      }),
    },
  };
}

function securitySchemes(issuer: string) {
  return {
    member: {
      type: 'openIdConnect',
      openIdConnectUrl: `${issuer}/.well-known/openid-configuration`,
      description: "An access token of the federation's issuer, for the audience of the API, as Bearer.",
    },
    agent: {
      ...{ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      description:
        "A JWT for this one request, signed with the site's own key: method, path and the digest of the body (docs/decisions/0005).",
    },
  };
}
