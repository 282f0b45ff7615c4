/** What the API says of itself, to whoever asks. */
import * as z from 'zod';

/** OAuth 2.0 Protected Resource Metadata (RFC 9728): where members log in. */
export const protectedResourceResponse = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.url()).min(1),
});

/** The API's description of itself. */
export const openApiResponse = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });
