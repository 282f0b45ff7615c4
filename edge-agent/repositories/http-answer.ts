/** What an HTTP answer must be to hold the file that was asked for. Decided before its body is read. Pure. */
import { EdgebootError } from '#shared/errors.ts';
import type { ObjectRequest } from '../ports.ts';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface ExpectedAnswer {
  /** Exactly so many bytes follow; `undefined` where nobody has said, and they end with the answer. */
  readonly bodyBytes: number | undefined;
  /** Of the whole file; `undefined` where it is the body that will tell. */
  readonly sizeBytes: number | undefined;
  readonly version: string | undefined;
}

/** An entity tag beyond this is no use to anybody. */
const MAX_VERSION_CHARACTERS = 256;

/** The value of a Range header. RFC 9110, section 14.1.2. */
export function rangeHeaderOf({ range }: ObjectRequest): string | undefined {
  if (range === undefined) return undefined;
  if ('lastBytes' in range) return `bytes=-${range.lastBytes}`;
  return `bytes=${range.offsetBytes}-${range.offsetBytes + range.lengthBytes - 1}`;
}

/**
 * Throws PART_CORRUPT where the answer cannot be the file; PART_UNAVAILABLE for one that is none at all (a success of another kind).
 */
export function requireExpectedAnswer(request: ObjectRequest, statusCode: number, headers: Headers): ExpectedAnswer {
  const version = versionOf(headers);
  if (isEmptyFile(request, statusCode, headers)) return { bodyBytes: 0, sizeBytes: 0, version };
  if (request.range !== undefined && statusCode === 200) {
    throw corrupt(request, 'the server answers a range with the whole file', {
      remedy: 'The server must answer ranges: nginx, Apache and S3 do.',
    });
  }
  if (statusCode !== (request.range === undefined ? 200 : 206)) {
    throw new EdgebootError('PART_UNAVAILABLE', `${request.path}: the server answered with status ${statusCode}`);
  }
  const { bodyBytes, sizeBytes } = request.range === undefined ? wholeOf(request, headers) : rangeOf(request, headers);
  const announced = announcedBytes(headers);
  if (bodyBytes !== undefined && announced !== undefined && announced !== bodyBytes) {
    throw corrupt(request, `the server announced ${announced} bytes instead of ${bodyBytes}`);
  }
  return { bodyBytes, sizeBytes, version };
}

/** The server refuses, or fails: what it says has a meaning of its own for each kind of repository. */
export function isRefusal(request: ObjectRequest, statusCode: number, headers: Headers): boolean {
  return statusCode >= 400 && !isEmptyFile(request, statusCode, headers);
}

/** No last byte can be asked for of a file that has none: servers answer 416, or as if they had not been asked for a range. */
function isEmptyFile({ range, sizeBytes = 0 }: ObjectRequest, statusCode: number, headers: Headers): boolean {
  if (range === undefined || !('lastBytes' in range) || sizeBytes !== 0) return false;
  if (statusCode === 416) return textOf(headers['content-range']) === 'bytes */0';
  return statusCode === 200 && announcedBytes(headers) === 0;
}

function wholeOf(request: ObjectRequest, headers: Headers): Omit<ExpectedAnswer, 'version'> {
  const bodyBytes = request.sizeBytes ?? announcedBytes(headers);
  if (request.sizeBytes === undefined && bodyBytes !== undefined && bodyBytes > limitOf(request)) {
    throw corrupt(request, `its ${bodyBytes} bytes are more than the ${limitOf(request)} that such a file may have`);
  }
  return { bodyBytes, sizeBytes: bodyBytes };
}

/** The range that was asked for, no other, of the file that was declared. */
function rangeOf(request: ObjectRequest, headers: Headers): { bodyBytes: number; sizeBytes: number } {
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(textOf(headers['content-range']));
  const [first, last, total] = (found ?? []).slice(1).map(Number);
  const sizeBytes = found?.[3] === '*' ? request.sizeBytes : total;
  if (first === undefined || last === undefined || sizeBytes === undefined) {
    throw corrupt(request, 'the server does not say which range of which size its answer is');
  }
  if (request.sizeBytes !== undefined && request.sizeBytes !== sizeBytes) {
    throw corrupt(request, `it has ${sizeBytes} bytes instead of ${request.sizeBytes}`);
  }
  const asked = resolveRange(request.range, sizeBytes);
  if (first !== asked.offsetBytes || last !== asked.offsetBytes + asked.lengthBytes - 1) {
    throw corrupt(request, 'the server answered with another range than asked for');
  }
  return { bodyBytes: asked.lengthBytes, sizeBytes };
}

/** Which bytes of a file of this size are asked for; they may lie beyond its end. */
export function resolveRange(
  range: ObjectRequest['range'],
  sizeBytes: number,
): { offsetBytes: number; lengthBytes: number } {
  if (range === undefined) return { offsetBytes: 0, lengthBytes: sizeBytes };
  if (!('lastBytes' in range)) return range;
  const lengthBytes = Math.min(range.lastBytes, sizeBytes);
  return { offsetBytes: sizeBytes - lengthBytes, lengthBytes };
}

/** The most that a body of unknown length may have. */
export function limitOf({ sizeBytes, maxBytes = sizeBytes }: ObjectRequest): number {
  if (maxBytes === undefined) throw new TypeError('a request needs sizeBytes, or maxBytes');
  return maxBytes;
}

function versionOf(headers: Headers): string | undefined {
  const version = textOf(headers['etag']) || textOf(headers['last-modified']);
  return version === '' || version.length > MAX_VERSION_CHARACTERS ? undefined : version;
}

function announcedBytes(headers: Headers): number | undefined {
  const length = textOf(headers['content-length']);
  return /^\d{1,16}$/.test(length) ? Number(length) : undefined;
}

function corrupt({ path }: ObjectRequest, why: string, context: { remedy?: string } = {}): EdgebootError {
  return new EdgebootError('PART_CORRUPT', `${path}: ${why}`, context);
}

/** `''` where the header is missing, or there several times. */
export function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
