/** Calls a running API, holds every answer against the API's own description, and knows what of it was never seen. */
import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import * as z from 'zod';

const schemaSchema = z.looseObject({
  properties: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
});
const documentSchema = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(
          z.string(),
          z.object({
            content: z.record(
              z.string(),
              z.object({
                schema: z.looseObject({
                  allOf: z
                    .tuple([
                      z.unknown(),
                      z.object({ properties: z.object({ code: z.object({ enum: z.array(z.string()) }) }) }),
                    ])
                    .optional(),
                }),
              }),
            ),
          }),
        ),
      }),
    ),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), schemaSchema) }),
});

/** Makes the Authorization header of one request; `undefined` sends none. */
export type Authorize = (method: string, path: string, body: string) => Promise<string | undefined>;

export interface Call {
  readonly as: Authorize;
  /** For the names in the route's path. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

export class ApiContract {
  readonly #apiUrl: string;
  readonly #document: z.infer<typeof documentSchema>;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #seen = new Set<string>();
  readonly #succeeded = new Set<string>();
  readonly #firstly: (route: string, call: Call) => Promise<void>;

  /** @param firstly is done before an operation is to succeed for the first time, with the call that will */
  constructor(apiUrl: string, document: unknown, firstly: (route: string, call: Call) => Promise<void>) {
    this.#apiUrl = apiUrl;
    this.#firstly = firstly;
    this.#document = documentSchema.parse(document);
    formats.default(this.#ajv);
    // RFC 4648, section 5, which OpenAPI's registry of formats has and ajv-formats has not.
    this.#ajv.addFormat('base64url', /^[A-Za-z0-9_-]*$/);
    this.#ajv.addSchema(closed(this.#document), 'api');
  }

  /** Must succeed; answers the body. */
  async succeed<T>(route: string, call: Call): Promise<T> {
    if (!this.#succeeded.has(route)) {
      this.#succeeded.add(route);
      await this.#firstly(route, call);
    }
    const { status, body } = await this.#call(route, call);
    assert.ok(status < 300, `${route}: ${status} ${JSON.stringify(body)}`);
    return body as T;
  }

  /** Must be refused with this code. */
  async refuse(code: string, route: string, call: Call): Promise<void> {
    const { status, body } = await this.#call(route, call);
    assert.equal((body as { code?: string }).code, code, `${route}: ${status} ${JSON.stringify(body)}`);
  }

  /** Must be turned away in front of the functions. */
  async turnAway(route: string, call: Omit<Call, 'as'>): Promise<void> {
    const { status, contentType } = await this.#call(route, { ...call, as: () => Promise.resolve(undefined) });
    assert.deepEqual([status, contentType], [401, 'application/json'], route);
  }

  /** What the description has and no answer had: `<route> <status> <content type> <code>`. */
  unseen(): string[] {
    const described = Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.entries(responses).flatMap(([status, { content }]) =>
          Object.entries(content).flatMap(([contentType, { schema }]) =>
            (schema.allOf?.[1].properties.code.enum ?? ['']).map((code) =>
              keyOf(`${method.toUpperCase()} ${path}`, status, contentType, code),
            ),
          ),
        ),
      ),
    );
    return described.filter((key) => !this.#seen.has(key));
  }

  async #call(route: string, { as, path = {}, query = {}, headers = {}, body }: Call) {
    const [method = '', template = ''] = route.split(' ');
    const pathname = template.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(path[name] ?? ''));
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    const authorization = await as(method, pathname, text);
    const answer = await fetch(`${this.#apiUrl}${pathname}?${new URLSearchParams(query).toString()}`, {
      method,
      headers: {
        ...(text !== '' && { 'content-type': 'application/json' }),
        ...(authorization !== undefined && { authorization }),
        ...headers,
      },
      ...(text !== '' && { body: text }),
    });
    const contentType = answer.headers.get('content-type')?.split(';')[0] ?? '';
    const received: unknown = JSON.parse(await answer.text());
    if (answer.status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/, route);
    this.#check(method, template, answer.status, contentType, received);
    const code = contentType === 'application/problem+json' ? (received as { code: string }).code : '';
    this.#seen.add(keyOf(route, String(answer.status), contentType, code));
    return { status: answer.status, contentType, body: received };
  }

  #check(method: string, template: string, status: number, contentType: string, received: unknown): void {
    const steps = [template, method.toLowerCase(), 'responses', String(status), 'content', contentType, 'schema'];
    const pointer = steps.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).map(encodeURIComponent);
    const said = `${method} ${template} answered ${status} ${contentType} ${JSON.stringify(received)}`;
    let validate: ValidateFunction;
    try {
      validate = this.#ajv.compile({ $ref: `api#/paths/${pointer.join('/')}` });
    } catch (error) {
      throw new Error(`${said}, which the description does not have`, { cause: error });
    }
    assert.ok(validate(received), `${said}: ${this.#ajv.errorsText(validate.errors)}`);
  }
}

const keyOf = (...parts: readonly string[]): string => parts.filter(Boolean).join(' ');

/** The same document, in which no component may have a field that is not described. */
function closed(document: z.infer<typeof documentSchema>) {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [name, closeObjects(schema)]);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(schemas) as object } };
}

function closeObjects(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closeObjects);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closeObjects(value)]));
  return 'type' in schema && schema.type === 'object' && !('additionalProperties' in schema)
    ? { ...inner, additionalProperties: false }
    : inner;
}
