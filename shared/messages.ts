/** What travels through a site's queue. Versioned: an agent refuses a schemaVersion that it does not know. */
import * as z from 'zod';
import { EdgebootError } from './errors.ts';
import { grantSchema } from './grant.ts';
import { ULID } from './names.ts';

export const deploymentMessageSchema = z.strictObject({
  schemaVersion: z.literal(1),
  deploymentId: ULID,
  /** The wish that this message announces. The agent reads the wish itself from the API. */
  generation: z.int().positive(),
  /** Signed read access to the image; absent where nothing is to be fetched. */
  grant: grantSchema.optional(),
});
export type DeploymentMessage = z.infer<typeof deploymentMessageSchema>;

export const warmingMessageSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** What is to be fetched, the agent reads from the API. */
  warmingId: ULID,
  /** Absent where it is announced again. */
  grant: grantSchema.optional(),
});
export type WarmingMessage = z.infer<typeof warmingMessageSchema>;

export type SiteMessage = DeploymentMessage | WarmingMessage;

/** Parses a message body. Throws INVALID_MESSAGE; the text never repeats the body, which may hold a signed query. */
export function parseSiteMessage(body: string): SiteMessage {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new EdgebootError('INVALID_MESSAGE', 'the message is not JSON');
  }
  const isWarming = typeof json === 'object' && json !== null && 'warmingId' in json;
  const parsed = (isWarming ? warmingMessageSchema : deploymentMessageSchema).safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'message').join(', ');
  throw new EdgebootError('INVALID_MESSAGE', `the message does not follow the schema at: ${where}`);
}
