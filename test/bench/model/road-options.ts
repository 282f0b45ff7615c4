/** What a road's process is told: JSON on its command line, where Infinity cannot be said and need not be. */
import * as z from 'zod';

const positive = z.number().positive();
const optionsSchema = z.strictObject({
  road: z.strictObject({
    roundTripMs: positive,
    jitterMs: z.number().nonnegative(),
    windowBytes: positive,
    lossRate: z.number().min(0).max(1),
  }),
  link: z.strictObject({ bytesPerSecond: positive, queueBytes: positive }),
  targetPort: z.int().positive(),
  seed: z.int(),
});

export type RoadOptions = z.infer<typeof optionsSchema>;

export const readRoadOptions = (json: string): RoadOptions => optionsSchema.parse(JSON.parse(json));
