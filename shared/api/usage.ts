/** What was consumed in a month, by whom and where. */
import * as z from 'zod';
import { IMAGE_NAME, MEMBER_ID, SITE_ID, ULID } from '../names.ts';
import { tokenOf } from './page-token.ts';

/** Sums of what agents said: more than is counted exactly is still a number. */
const sum = z.number().nonnegative();
export const consumptionSchema = z.object({
  /** That came to run in this month. */
  clusters: sum,
  warmings: sum,
  /** From the edges: for deployments and warmings. */
  bytesFetched: sum,
  /** That clusters ran in this month, until now. */
  clusterSeconds: sum,
  /** The same for each of their nodes. */
  nodeSeconds: sum,
});
export type Consumption = z.infer<typeof consumptionSchema>;
export function sumConsumption(all: readonly Consumption[]): Consumption {
  const sumOf = (count: keyof Consumption): number => all.reduce((total, one) => total + one[count], 0);
  return {
    clusters: sumOf('clusters'),
    warmings: sumOf('warmings'),
    bytesFetched: sumOf('bytesFetched'),
    clusterSeconds: sumOf('clusterSeconds'),
    nodeSeconds: sumOf('nodeSeconds'),
  };
}

/** What a member consumed of an image at a site. Clusters that still run have rows of their own: rows are there to be summed up. */
export const consumptionRowSchema = consumptionSchema.extend({
  memberId: z.string(),
  siteId: SITE_ID,
  imageId: ULID,
  imageName: IMAGE_NAME,
});
export type ConsumptionRow = z.infer<typeof consumptionRowSchema>;

export const MONTH = z.string().regex(/^20\d\d-(?:0[1-9]|1[0-2])$/, 'must be a month: YYYY-MM');
export const usageToken = tokenOf(z.string().min(1).max(1024), 2048);
export const usageQuery = z
  .strictObject({
    month: MONTH.optional().describe('YYYY-MM, in UTC; this month where absent.'),
    memberId: MEMBER_ID.optional().describe("This member's instead of one's own: for operators of the federation."),
    siteId: SITE_ID.optional().describe("Everybody's at this site: for its operators and those of the federation."),
    everybody: z.literal('true').optional().describe("Everybody's: for operators of the federation."),
    next: usageToken.optional().describe('`next` of the page before this one.'),
  })
  .refine(
    ({ memberId, siteId, everybody }) => [memberId, siteId, everybody].filter((one) => one !== undefined).length <= 1,
    'asks for one of memberId, siteId and everybody',
  );
export type UsageQuery = z.infer<typeof usageQuery>;
export const usageResponse = z.object({
  month: MONTH,
  usage: z.array(consumptionRowSchema),
  next: z.base64url().max(2048).optional(),
});
export type UsageAnswer = z.infer<typeof usageResponse>;
