/** What only CloudFront says: where an answer came from, and why there is none. Pure. */
import { EdgebootError } from '#shared/errors.ts';
import type { Delivery } from '../ports.ts';
import { type Headers, textOf } from './http-answer.ts';

/** Codes of CloudFront's 403 bodies that speak of the key or the signature, not of the right to the object. */
const KEY_FAULTS = new Set(['MissingKey', 'InvalidKey', 'MalformedPolicy', 'MalformedSignature']);

/** A distribution's headers say it, whoever asks; other servers have none. */
export function deliveryOf(headers: Headers): Delivery {
  const cache = textOf(headers['x-cache']);
  const isHit = /^(?:Refresh)?Hit /i.test(cache);
  const isMiss = /^Miss /i.test(cache);
  return {
    edgeLocation: textOf(headers['x-amz-cf-pop']) || undefined,
    cacheHit: isHit ? true : isMiss ? false : undefined,
  };
}

export interface RefusedAnswer {
  readonly statusCode: number;
  readonly headers: Headers;
  /** The beginning of the body. */
  readonly body: string;
  /** Of the grant that was used. */
  readonly expiresAt: string;
  /** Where the answer has no Date. */
  readonly now: Date;
}

/** The error behind an answer of status 400 or more. It never quotes the URL; of the body, only CloudFront's code. */
export function errorOfAnswer({ statusCode, headers, body, expiresAt, now }: RefusedAnswer): EdgebootError {
  if (statusCode === 403) return errorOfDenial(headers, body, expiresAt, now);
  if (statusCode === 404) return new EdgebootError('NOT_FOUND', 'The distribution does not have the object.');
  if (statusCode === 416) return new EdgebootError('PART_CORRUPT', 'The object is shorter than it was declared.');
  if (statusCode === 429) return new EdgebootError('THROTTLED', 'The edge asks for fewer requests.');
  return new EdgebootError('PART_UNAVAILABLE', `The edge answered with status ${statusCode}.`);
}

/** An expired URL and a wrong address are both AccessDenied: the grant's own end and the edge's clock tell them apart. */
function errorOfDenial(headers: Headers, body: string, expiresAt: string, now: Date): EdgebootError {
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(body)?.[1];
  if (code !== undefined && KEY_FAULTS.has(code)) {
    return new EdgebootError('SIGNING_KEY_ROTATED', `The edge does not accept the signature (${code}).`);
  }
  const edgeTime = Date.parse(textOf(headers['date']));
  const time = Number.isNaN(edgeTime) ? now.getTime() : edgeTime;
  if (time >= Date.parse(expiresAt))
    return new EdgebootError('URL_EXPIRED', `The signed URLs expired at ${expiresAt}.`);
  return new EdgebootError('FORBIDDEN', `The edge denies access (${code ?? 'no code'}).`);
}
