/** One GET of one file, or of a range of it: what every source has in common that speaks HTTP. */
import type { Dispatcher } from 'undici';
import { EdgebootError } from '#shared/errors.ts';
import type { Delivery, FetchedObject, ObjectRequest } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { type Headers, limitOf, rangeHeaderOf, requireExpectedAnswer } from './http-answer.ts';
import { type BodyTaker, exchange } from './http-exchange.ts';
import { MinimumRate } from './minimum-rate.ts';

/** How a file is read. */
export interface Reading {
  readonly dispatcher: Dispatcher;
  /** Sent beside our own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The cap on all that this agent reads; none unless given. */
  readonly bandwidth: Bandwidth | undefined;
  readonly signal: AbortSignal;
}

/** Follows no redirect. Throws whatever the network throws, and `begin`. */
export async function getOverHttp<T>(
  url: string,
  request: ObjectRequest,
  { dispatcher, headers: further, signal }: Reading,
  begin: (statusCode: number, headers: Headers) => BodyTaker<T>,
): Promise<T> {
  const range = rangeHeaderOf(request);
  const headers = { ...further, 'accept-encoding': 'identity', ...(range && { range }) };
  return exchange(url, { method: 'GET', headers, dispatcher, signal }, begin);
}

/**
 * Takes the body of an answer that is no refusal. Throws PART_CORRUPT where it cannot be the file, or has more bytes; PART_UNAVAILABLE
 * where it has fewer, is none, or drips.
 */
export function takeFile(
  request: ObjectRequest,
  statusCode: number,
  headers: Headers,
  delivery: Delivery,
  reading: Reading,
): BodyTaker<FetchedObject> {
  const { bodyBytes, sizeBytes, version } = requireExpectedAnswer(request, statusCode, headers);
  const body = bodyBytes === undefined ? takeWhole(request) : takeExactly(request, bodyBytes);
  request.onAnswer?.(delivery);
  const careful = withCare(body, request, reading);
  return {
    ...careful,
    end() {
      const bytes = careful.end();
      return { bytes, sizeBytes: sizeBytes ?? bytes.length, version, delivery };
    },
  };
}

/** The beginning of a body; the rest is left. */
export function takeUpTo(maxBytes: number): BodyTaker<Buffer> {
  const taken: Buffer[] = [];
  let takenBytes = 0;
  return {
    take(bytes) {
      taken.push(Buffer.from(bytes));
      takenBytes += bytes.length;
      return undefined;
    },
    isSated: () => takenBytes >= maxBytes,
    end: () => Buffer.concat(taken).subarray(0, maxBytes),
  };
}

/** A body that says nothing to anybody: nothing of it is read. */
export function takeNothing<T>(value: T): BodyTaker<T> {
  return { take: () => undefined, isSated: () => true, end: () => value };
}

/** Tells of bytes as they arrive, keeps to the cap, and ends an answer that drips. */
function withCare(
  body: BodyTaker<Buffer>,
  { path, onBytes }: ObjectRequest,
  { bandwidth, signal }: Reading,
): BodyTaker<Buffer> {
  const now = (): number => performance.now() / 1000;
  const rate = new MinimumRate(now());
  return {
    take(bytes) {
      onBytes?.(bytes.length);
      if (!rate.arrived(bytes.length, now())) {
        throw new EdgebootError('PART_UNAVAILABLE', `${path}: the server sends next to nothing`);
      }
      void body.take(bytes);
      return bandwidth?.take(bytes.length, signal).then((seconds) => rate.paused(seconds));
    },
    end: () => body.end(),
  };
}

function takeExactly({ path, into }: ObjectRequest, expectedBytes: number): BodyTaker<Buffer> {
  const isFitting = into !== undefined && into.length >= expectedBytes;
  const all = isFitting ? into.subarray(0, expectedBytes) : Buffer.allocUnsafeSlow(expectedBytes);
  let done = 0;
  return {
    take(bytes) {
      if (done + bytes.length > expectedBytes) throw tooLong(path, expectedBytes);
      all.set(bytes, done);
      done += bytes.length;
      return undefined;
    },
    end() {
      if (done === expectedBytes) return all;
      throw new EdgebootError('PART_UNAVAILABLE', `${path}: the server sent ${done} of ${expectedBytes} bytes`);
    },
  };
}

function takeWhole(request: ObjectRequest): BodyTaker<Buffer> {
  const maxBytes = limitOf(request);
  const taken: Buffer[] = [];
  let takenBytes = 0;
  return {
    take(bytes) {
      takenBytes += bytes.length;
      if (takenBytes > maxBytes) throw tooLong(request.path, maxBytes);
      taken.push(Buffer.from(bytes));
      return undefined;
    },
    end: () => Buffer.concat(taken),
  };
}

const tooLong = (path: string, maxBytes: number): EdgebootError =>
  new EdgebootError('PART_CORRUPT', `${path}: the server sent more than ${maxBytes} bytes`);

/** Makes PART_UNAVAILABLE of what the network throws. Throws the signal's reason when it was aborted. */
export async function overTheNetwork<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
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
