/** What a refusal looks like. */
import * as z from 'zod';

/** RFC 9457 problem document, with our code and the next step for a person. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  remedy: z.string(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;
