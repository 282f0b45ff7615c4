/**
 * A grant: the right to fetch one image from the distribution for a short while. It travels in the queue's message and in the
 * API's answer to a renewal. The signed query is a secret: it never reaches a log or the text of an error.
 */
import * as z from 'zod';

const ORIGIN = /^https?:\/\/[a-z0-9.-]{1,253}(?::\d{1,5})?$/;
/** What CloudFront's query values are made of: its own base64 (`+=/` become `-_~`), numbers and names. */
const SIGNED_QUERY = /^[A-Za-z-]{1,32}=[A-Za-z0-9~_-]+(?:&[A-Za-z-]{1,32}=[A-Za-z0-9~_-]+)*$/;

export const grantSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Scheme and host of the distribution, without a path: `https://d111111abcdef8.cloudfront.net`. */
  baseUrl: z.string().regex(ORIGIN, 'must be scheme and host only'),
  /** `Policy=…&Signature=…&Key-Pair-Id=…&Hash-Algorithm=SHA256`: one query for every object of the image. */
  signedQuery: z.string().max(4096).regex(SIGNED_QUERY, 'must be a signed query'),
  /** The policy's Resource: `https://<host>/images/<imageId>/*`. */
  resource: z.string().max(1024),
  /** The policy's DateLessThan. */
  expiresAt: z.iso.datetime(),
});

export type Grant = z.infer<typeof grantSchema>;
