/** What a site's operators let members do there: grants, and vetoes that stand above every grant. */
import * as z from 'zod';
import { GROUP, IMAGE_NAME, MEMBER_ID } from './names.ts';

/** A year. */
export const MAX_HOURS = 8784;
const MAX_GRANTS = 64;
const MAX_VETOES = 256;

/** For each member whom the grant is for. A limit that is left out is none. */
export const quotaSchema = z.strictObject({
  /** Of all clusters of the member at the site, together. The frontend's CPUs are not counted. */
  maxCpus: z.int().nonnegative().optional(),
  maxClusters: z.int().nonnegative().optional(),
  /** How long a cluster may live. */
  maxHours: z.int().positive().max(MAX_HOURS).optional(),
});
export type Quota = z.infer<typeof quotaSchema>;

export const siteGrantSchema = z
  .strictObject({
    groups: z.array(GROUP).min(1).max(32).optional(),
    member: MEMBER_ID.optional(),
    images: z.union([z.literal('all'), z.array(IMAGE_NAME).min(1).max(64)]).default('all'),
    quota: quotaSchema.default({}),
  })
  .refine(({ groups, member }) => (groups === undefined) !== (member === undefined), {
    error: 'must name either groups or a member',
  });
export type SiteGrant = z.infer<typeof siteGrantSchema>;

export const siteAccessSchema = z.strictObject({
  /** Counts the changes. Who changes it says which version they saw. */
  version: z.int().positive(),
  grants: z.array(siteGrantSchema).max(MAX_GRANTS),
  /** Refused here, whatever a grant says. */
  vetoes: z
    .strictObject({
      members: z.array(MEMBER_ID).max(MAX_VETOES).default([]),
      images: z.array(IMAGE_NAME).max(MAX_VETOES).default([]),
    })
    .default({ members: [], images: [] }),
});
export type SiteAccess = z.infer<typeof siteAccessSchema>;

/** Of a site whose operators have not said anything yet: members of these groups may deploy everything, without limits. */
export function accessForGroups(groups: readonly string[]): SiteAccess {
  const grants: SiteGrant[] = groups.length > 0 ? [{ groups: [...groups], images: 'all', quota: {} }] : [];
  return { version: 1, grants, vetoes: { members: [], images: [] } };
}
