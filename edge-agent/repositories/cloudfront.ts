/** A CloudFront distribution with signed URLs, at one edge location. */
import { type Dispatcher, request as httpRequest } from 'undici';
import { EdgebootError } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import { imageObjectKey } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES } from '#shared/image/signed-manifest.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import { deliveryOf, errorOfAnswer, requireExpectedAnswer } from './edge-response.ts';
import { createPinnedAgent } from './pinned-agent.ts';

const MAX_ERROR_BODY_BYTES = 8 * 1024;
/** However slowly it drips, an answer is given up after this. */
const ANSWER_SECONDS = 300;

export interface CloudFrontOptions {
  /** Called at the start of each request. */
  readonly currentGrant: () => Grant;
  /** The edge's address; `undefined` leaves the choice to the system's resolver. */
  readonly address: string | undefined;
  /** Most connections at once. */
  readonly connections: number;
}

export interface ClosablePartSource extends PartSource {
  /** Ends its connections; requests under way fail. */
  close(): Promise<void>;
}

/** Errors as PartSource says; FORBIDDEN for a denial that is not expiry: worth one renewal (renewing.ts). */
export function createCloudFrontSource({ currentGrant, address, connections }: CloudFrontOptions): ClosablePartSource {
  const agent = createPinnedAgent(address, connections);
  return {
    async fetch(request, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_SECONDS * 1000)]);
      try {
        return await fetchObject(agent, currentGrant(), request, limit);
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof EdgebootError ? error : asUnavailable(error);
      }
    },
    async close() {
      await agent.destroy();
    },
  };
}

async function fetchObject(
  dispatcher: Dispatcher,
  grant: Grant,
  request: ObjectRequest,
  signal: AbortSignal,
): Promise<FetchedObject> {
  const { range } = request;
  const key = imageObjectKey(request.imageId, request.objectKind, request.sha256);
  const { statusCode, headers, body } = await httpRequest(`${grant.baseUrl}/${key}?${grant.signedQuery}`, {
    dispatcher,
    signal,
    headers: {
      'accept-encoding': 'identity',
      ...(range && { range: `bytes=${range.offsetBytes}-${range.offsetBytes + range.lengthBytes - 1}` }),
    },
  });
  try {
    if (statusCode >= 400) {
      const start = await readUpTo(body, MAX_ERROR_BODY_BYTES);
      const { expiresAt } = grant;
      throw errorOfAnswer({ statusCode, headers, body: start.toString('latin1'), expiresAt, now: new Date() });
    }
    requireExpectedAnswer(request, statusCode, headers);
    const expectedBytes = range?.lengthBytes ?? request.sizeBytes;
    const bytes =
      expectedBytes === undefined
        ? await readWhole(body, MAX_SIGNED_MANIFEST_BYTES)
        : await readExactly(body, expectedBytes);
    return { bytes, delivery: deliveryOf(headers) };
  } finally {
    // Without effect on a body that was read to its end; otherwise it ends the connection, and with it an endless body. The
    // error that this makes the body emit is no news.
    body.on('error', () => undefined).destroy();
  }
}

/** Into one buffer of its own, whose memory can be handed to another thread. */
async function readExactly(body: AsyncIterable<Buffer>, expectedBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(expectedBytes);
  let done = 0;
  for await (const chunk of body) {
    if (done + chunk.length > expectedBytes) {
      throw new EdgebootError('PART_CORRUPT', `The edge sent more than the ${expectedBytes} bytes of the object.`);
    }
    chunk.copy(bytes, done);
    done += chunk.length;
  }
  if (done === expectedBytes) return bytes;
  throw new EdgebootError('PART_UNAVAILABLE', `The edge sent ${done} of ${expectedBytes} bytes.`);
}

async function readWhole(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const bytes = await readUpTo(body, maxBytes + 1);
  if (bytes.length <= maxBytes) return bytes;
  throw new EdgebootError('PART_CORRUPT', `The edge sent more than ${maxBytes} bytes.`);
}

async function readUpTo(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let done = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    done += chunk.length;
    if (done >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

/** Only the code of the network's error: its text may hold what was asked for. */
function asUnavailable(error: unknown): EdgebootError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no code';
  return new EdgebootError('PART_UNAVAILABLE', `The edge did not answer, or not to the end (${code}).`);
}
