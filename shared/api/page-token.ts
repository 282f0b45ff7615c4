/** Tokens of pages. */
import * as z from 'zod';

/** Behind what a page begins. Nobody need read it, and everybody can: it holds nothing that the page does not show. */
export const tokenOf = (behindWhat: z.ZodType<string, string>, maxCharacters: number) =>
  z.codec(z.base64url().max(maxCharacters), behindWhat, {
    decode: (token) => Buffer.from(token, 'base64url').toString(),
    encode: (text) => Buffer.from(text).toString('base64url'),
  });
