/** Tokens of pages. */
import * as z from 'zod';

/** Behind what a page begins. For callers it is a token that says nothing. */
export const tokenOf = (behindWhat: z.ZodType<string, string>, maxCharacters: number) =>
  z.codec(z.base64url().max(maxCharacters), behindWhat, {
    decode: (token) => Buffer.from(token, 'base64url').toString(),
    encode: (text) => Buffer.from(text).toString('base64url'),
  });
