/** Warmings of a site’s cache. */
import * as z from 'zod';
import { CHANNEL, IMAGE_NAME, SITE_ID } from '../names.ts';
import { warmingSchema } from '../warming.ts';
import { imageVersionSchema } from './images.ts';

export const requestWarmingRequest = z.strictObject({
  imageName: IMAGE_NAME,
  /** Or a channel; the newest that is not recalled where both are absent. */
  imageVersion: z.int().positive().optional(),
  imageChannel: CHANNEL.optional(),
  siteId: SITE_ID,
  keep: z.boolean(),
});
export const warmingResponse = z.object({
  warming: warmingSchema,
  /** Nobody at the site has been heard lately: the message waits in the site's queue. */
  siteIsSilent: z.boolean(),
});

/** What the agent is to do for a warming. An image version that is gone is absent. */
export const warmingJobResponse = z.object({ warming: warmingSchema, image: imageVersionSchema.optional() });
export type WarmingJob = z.infer<typeof warmingJobResponse>;
