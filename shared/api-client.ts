/** Calls the HTTP API: sends JSON, checks what comes back, and turns problem documents into our errors. */
import { Agent, request } from 'undici';
import * as z from 'zod';
import { problemSchema } from './api/problem.ts';
import { EdgebootError, type ErrorCode, isErrorCode, messageOf } from './errors.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** An HTTP API ends a request at 30 s. */
const ANSWER_TIMEOUT_MS = 35_000;

export interface ApiCall<Schema extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path below the API's address, beginning with `/v1/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer must look like. */
  readonly answer: Schema;
  readonly signal?: AbortSignal | undefined;
}

export class ApiClient {
  readonly #baseUrl: string;
  readonly #authorize: (method: string, path: string, body: string) => Promise<string | undefined>;
  readonly #dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });

  /** @param authorize makes the Authorization header of one request; `undefined` sends none. */
  constructor(baseUrl: string, authorize: (method: string, path: string, body: string) => Promise<string | undefined>) {
    this.#baseUrl = baseUrl.replace(/\/$/, '');
    this.#authorize = authorize;
  }

  /**
   * Throws what the problem document says; SERVICE_UNAVAILABLE where the API cannot be reached or answers nonsense;
   * UNAUTHENTICATED and FORBIDDEN for 401 and 403 from in front of the functions, which send no document of ours.
   */
  async call<Schema extends z.ZodType>(call: ApiCall<Schema>): Promise<z.infer<Schema>> {
    const body = call.body === undefined ? '' : JSON.stringify(call.body);
    const authorization = await this.#authorize(call.method, call.path, body);
    const url = new URL(this.#baseUrl + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
    const { statusCode, text } = await this.#send(url, call, body, authorization);
    if (statusCode < 200 || statusCode > 299) throw problemError(statusCode, text);
    const parsed = call.answer.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new EdgebootError(
      'SERVICE_UNAVAILABLE',
      `the API's answer to ${call.method} ${call.path} is not what it should be`,
      {
        remedy: 'The API is of another version than this program, or the address is not that of the API.',
        cause: parsed.error,
      },
    );
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #send(url: URL, call: ApiCall<z.ZodType>, body: string, authorization: string | undefined) {
    try {
      const answer = await request(url, {
        method: call.method,
        dispatcher: this.#dispatcher,
        headers: {
          ...(body !== '' && { 'content-type': 'application/json' }),
          ...(authorization !== undefined && { authorization }),
          ...call.headers,
        },
        ...(body !== '' && { body }),
        ...(call.signal && { signal: call.signal }),
      });
      return { statusCode: answer.statusCode, text: await answer.body.text() };
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      throw new EdgebootError(
        'SERVICE_UNAVAILABLE',
        `the API at ${url.origin} cannot be reached: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemError(statusCode: number, text: string): EdgebootError {
  const problem = problemSchema.safeParse(parseJson(text)).data;
  if (problem && isErrorCode(problem.code)) {
    return new EdgebootError(problem.code, problem.detail, { remedy: problem.remedy });
  }
  const code = codeOfStatus(statusCode);
  const reference = problem?.requestId === undefined ? '' : ` (request ${problem.requestId})`;
  return new EdgebootError(code, `the API answered ${statusCode}${reference}`);
}

/** Without a document of ours it was not our function that answered: a bare 404 says nothing about what was asked for. */
function codeOfStatus(statusCode: number): ErrorCode {
  if (statusCode === 401) return 'UNAUTHENTICATED';
  if (statusCode === 403) return 'FORBIDDEN';
  if (statusCode === 429) return 'THROTTLED';
  return 'SERVICE_UNAVAILABLE';
}
