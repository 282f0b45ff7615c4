/**
 * The awsJson 1.1 protocol, as far as the embedded cloud's own services speak it: a POST whose `X-Amz-Target` names the
 * operation, JSON both ways, errors told apart by `__type`. Signatures are not checked.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import * as z from 'zod';

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** An error as the service itself would answer it. */
export class AwsFault {
  /** Exception's name in the service's API reference. */
  readonly code: string;
  readonly message: string;
  constructor(code: string, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** Takes the input as it came, gives the output's members or a fault. */
export type AwsOperation = (input: unknown) => object;

export interface AwsJsonService {
  /** What stands before the dot in `X-Amz-Target`. */
  readonly targetPrefix: string;
  readonly operations: Readonly<Record<string, AwsOperation>>;
}

/** An operation whose input is checked first; members that the schema does not know are ignored. */
export function operation<Input>(schema: z.ZodType<Input>, run: (input: Input) => object): AwsOperation {
  return (input) => {
    const parsed = schema.safeParse(input);
    return parsed.success ? run(parsed.data) : new AwsFault('InvalidParameterException', z.prettifyError(parsed.error));
  };
}

/** Answers the service's requests on any HTTP server. */
export function awsJsonListener(service: AwsJsonService): RequestListener {
  return (request, response) => {
    void answer(service, request).then((result) => {
      const fault = result instanceof AwsFault;
      response.writeHead(fault ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(fault ? { __type: result.code, message: result.message } : result));
    });
  };
}

async function answer(service: AwsJsonService, request: IncomingMessage): Promise<object> {
  const target = request.headers['x-amz-target'];
  const [prefix, name = ''] = typeof target === 'string' ? target.split('.') : [];
  const run = Object.hasOwn(service.operations, name) ? service.operations[name] : undefined;
  if (prefix !== service.targetPrefix || run === undefined) {
    return new AwsFault('UnknownOperationException', `${String(target)} is not served here.`);
  }
  let input: unknown;
  try {
    input = JSON.parse(await readBody(request));
  } catch {
    return new AwsFault('SerializationException', 'The body cannot be read.');
  }
  return run(input);
}

/** The request's body as text. Rejects one of more than 4 MiB. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw new RangeError('The body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
