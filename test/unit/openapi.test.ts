import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { parse } from 'yaml';
import * as z from 'zod';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { takesQuery } from '../../functions/http/query-routes.ts';
import { OPERATIONS, operations } from '../../functions/openapi/operations.ts';

const ISSUER = 'https://issuer.example.org';
const serviceSchema = z.object({
  functions: z.record(
    z.string(),
    z.object({
      events: z
        .array(
          z.object({
            httpApi: z
              .object({ method: z.string(), path: z.string(), authorizer: z.object({ name: z.string() }).optional() })
              .optional(),
          }),
        )
        .default([]),
    }),
  ),
});

test('every route of serverless.yml is in the table of operations, and none besides; members and agents are asked who they are', async () => {
  const service = serviceSchema.parse(parse(await readFile('serverless.yml', 'utf8'), { logLevel: 'error' }));
  const events = Object.values(service.functions).flatMap((one) => one.events.map(({ httpApi }) => httpApi));
  const routes = events.filter((event) => event !== undefined);
  assert.ok(routes.length > 0);
  const served = routes.map(({ method, path, authorizer }) => `${method} ${path} ${authorizer?.name ?? 'anyone'}`);
  const described = operations().map(
    ({ route, operation }) => `${route} ${operation.caller === 'anyone' ? 'anyone' : 'identity'}`,
  );
  assert.deepEqual(described.sort(), served.sort());
});

test('query parameters are let in at the routes whose description has them, and nowhere else', () => {
  for (const { route, operation } of operations())
    assert.equal(takesQuery(route), operation.query !== undefined, route);
});

test('the description is an OpenAPI 3.1 document, and a changed one that is none is told', async () => {
  const document = openApiDocument(ISSUER);
  const validate = async (one: object) => new Validator().validate(structuredClone(one) as Record<string, unknown>);
  const outcome = await validate(document);
  assert.deepEqual(outcome.errors ?? [], []);
  assert.ok(outcome.valid);
  assert.equal((await validate({ ...document, info: {} })).valid, false);
});

test('operations have ids of their own, and every reference leads somewhere', () => {
  const document = openApiDocument(ISSUER);
  const methods = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.equal(methods.length, Object.keys(OPERATIONS).length);
  const ids = methods.map((method) => (method as { operationId: string }).operationId);
  assert.equal(new Set(ids).size, ids.length);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? '');
  const used = new Set(references.map((target) => target.replace('#/components/schemas/', '')));
  assert.deepEqual([...used].sort(), Object.keys(document.components.schemas).sort());
});
