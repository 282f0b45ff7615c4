/** One GET of one file, or of a range of it: what every source has in common that speaks HTTP. */
import { type Dispatcher, request as httpRequest } from 'undici';
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { type Headers, limitOf, rangeHeaderOf, requireExpectedAnswer } from './http-answer.ts';
import { MinimumRate } from './minimum-rate.ts';

/** An answer whose body has not been read. Disposing of it ends the connection unless the body was read to its end. */
export interface HttpAnswer extends Disposable {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Buffer>;
}

/** Follows no redirect. Throws whatever the network throws. @param headers sent beside our own */
export async function getOverHttp(
  url: string,
  request: ObjectRequest,
  dispatcher: Dispatcher,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  const range = rangeHeaderOf(request);
  const ours = { 'accept-encoding': 'identity', ...(range && { range }) };
  const options = { dispatcher, signal, headers: { ...headers, ...ours } };
  const { statusCode, headers: answered, body } = await httpRequest(url, options);
  return {
    statusCode,
    headers: answered,
    body,
    [Symbol.dispose]() {
      // An endless body ends with its connection. The error that this makes it emit is no news.
      body.on('error', () => undefined).destroy();
    },
  };
}

/** How a body is read. */
export interface Reading {
  /** The cap on all that this agent reads; none unless given. */
  readonly bandwidth: Bandwidth | undefined;
  readonly signal: AbortSignal;
}

/** Throws PART_CORRUPT where it cannot be the file, or has more bytes; PART_UNAVAILABLE where it has fewer, is none, or drips. */
export async function readFile(
  request: ObjectRequest,
  answer: HttpAnswer,
  reading: Reading,
): Promise<Omit<FetchedObject, 'delivery'>> {
  const { bodyBytes, sizeBytes, version } = requireExpectedAnswer(request, answer.statusCode, answer.headers);
  const body = withCare(answer.body, request, reading);
  const bytes =
    bodyBytes === undefined
      ? await readWhole(body, limitOf(request), request)
      : await readExactly(body, bodyBytes, request);
  return { bytes, sizeBytes: sizeBytes ?? bytes.length, version };
}

/** Tells of bytes as they arrive, keeps to the cap, and ends an answer that drips. */
async function* withCare(
  body: AsyncIterable<Buffer>,
  { path, onBytes }: ObjectRequest,
  { bandwidth, signal }: Reading,
): AsyncGenerator<Buffer, void> {
  const now = (): number => performance.now() / 1000;
  const rate = new MinimumRate(now());
  for await (const chunk of body) {
    onBytes?.(chunk.length);
    if (!rate.arrived(chunk.length, now())) {
      throw new EdgebootError('PART_UNAVAILABLE', `${path}: the server sends next to nothing`);
    }
    yield chunk;
    if (bandwidth !== undefined) rate.paused(await bandwidth.take(chunk.length, signal));
  }
}

async function readWhole(body: AsyncIterable<Buffer>, maxBytes: number, { path }: ObjectRequest): Promise<Buffer> {
  const bytes = await readUpTo(body, maxBytes + 1);
  if (bytes.length <= maxBytes) return bytes;
  throw new EdgebootError('PART_CORRUPT', `${path}: the server sent more than ${maxBytes} bytes`);
}

async function readExactly(body: AsyncIterable<Buffer>, expectedBytes: number, { path, into }: ObjectRequest) {
  const isFitting = into !== undefined && into.length >= expectedBytes;
  const bytes = isFitting ? into.subarray(0, expectedBytes) : Buffer.allocUnsafeSlow(expectedBytes);
  let done = 0;
  for await (const chunk of body) {
    if (done + chunk.length > expectedBytes) {
      throw new EdgebootError('PART_CORRUPT', `${path}: the server sent more than ${expectedBytes} bytes`);
    }
    chunk.copy(bytes, done);
    done += chunk.length;
  }
  if (done === expectedBytes) return bytes;
  throw new EdgebootError('PART_UNAVAILABLE', `${path}: the server sent ${done} of ${expectedBytes} bytes`);
}

export async function readUpTo(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let done = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    done += chunk.length;
    if (done >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

/** Makes PART_UNAVAILABLE of what the network throws. Throws the signal's reason when it was aborted. */
export async function overTheNetwork<T>(signal: AbortSignal, exchange: () => Promise<T>): Promise<T> {
  try {
    return await exchange();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EdgebootError || error instanceof TypeError) throw error;
    // Only the code of the network's error: its text may hold what was asked for.
    throw new EdgebootError(
      'PART_UNAVAILABLE',
      `The server did not answer, or not to the end (${networkCode(error)}).`,
    );
  }
}

export function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no code';
}
