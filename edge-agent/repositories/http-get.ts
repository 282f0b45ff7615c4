/** One GET of one file, or of a range of it: what every source has in common that speaks HTTP. */
import { type Dispatcher, request as httpRequest } from 'undici';
import { EdgebootError } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest } from '../ports.ts';
import { type Headers, limitOf, rangeHeaderOf, requireExpectedAnswer } from './http-answer.ts';

/** However slowly it drips, an answer is given up after this. */
const ANSWER_SECONDS = 300;

/** An answer whose body has not been read. Disposing of it ends the connection unless the body was read to its end. */
export interface HttpAnswer extends Disposable {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Buffer>;
}

/** Follows no redirect. Throws whatever the network throws. */
export async function getOverHttp(
  url: string,
  request: ObjectRequest,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const range = rangeHeaderOf(request);
  const options = { dispatcher, signal, headers: { 'accept-encoding': 'identity', ...(range && { range }) } };
  const { statusCode, headers, body } = await httpRequest(url, options);
  return {
    statusCode,
    headers,
    body,
    [Symbol.dispose]() {
      // An endless body ends with its connection. The error that this makes it emit is no news.
      body.on('error', () => undefined).destroy();
    },
  };
}

/** Throws PART_CORRUPT where it cannot be the file, or has more bytes; PART_UNAVAILABLE where it has fewer, or is none. */
export async function readFile(request: ObjectRequest, answer: HttpAnswer): Promise<Omit<FetchedObject, 'delivery'>> {
  const { bodyBytes, sizeBytes, version } = requireExpectedAnswer(request, answer.statusCode, answer.headers);
  const bytes =
    bodyBytes === undefined
      ? await readWhole(answer.body, limitOf(request), request)
      : await readExactly(answer.body, bodyBytes, request);
  return { bytes, sizeBytes: sizeBytes ?? bytes.length, version };
}

async function readWhole(body: AsyncIterable<Buffer>, maxBytes: number, { path }: ObjectRequest): Promise<Buffer> {
  const bytes = await readUpTo(body, maxBytes + 1);
  if (bytes.length <= maxBytes) return bytes;
  throw new EdgebootError('PART_CORRUPT', `${path}: the server sent more than ${maxBytes} bytes`);
}

/** Into one buffer of its own, whose memory can be handed to another thread. */
async function readExactly(body: AsyncIterable<Buffer>, expectedBytes: number, { path }: ObjectRequest) {
  const bytes = Buffer.allocUnsafeSlow(expectedBytes);
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

/**
 * Gives `exchange` a signal that also ends an answer which drips, and makes PART_UNAVAILABLE of what the network throws. Throws the
 * signal's reason when it was aborted.
 */
export async function overTheNetwork<T>(signal: AbortSignal, exchange: (limit: AbortSignal) => Promise<T>): Promise<T> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_SECONDS * 1000)]);
  try {
    return await exchange(limit);
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
