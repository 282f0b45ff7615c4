/** Sites as their operators and members see them. */
import * as z from 'zod';
import { GROUP, IMAGE_NAME, SITE_ID, ULID } from '../names.ts';
import { siteAccessSchema } from '../site-access.ts';

/** Registering a site again replaces its name and address, which are cleared where they are left out, and its operators where they are given. */
export const registerSiteRequest = z.strictObject({
  siteId: SITE_ID,
  displayName: z.string().min(1).max(128),
  /** The first grant: members of any of these groups may deploy here, without limits. A site that is there keeps its grants. */
  deployerGroups: z.array(GROUP).max(32).default([]),
  /** Members of any of these groups are the site's operators, beside those of the federation. Left out, it is those that are there. */
  operatorGroups: z.array(GROUP).max(32).optional(),
  /** The address that the site's requests come from: signed URLs are then bound to it. */
  egressAddress: z.ipv4().optional(),
});
export const registerSiteResponse = z.object({ siteId: SITE_ID, enrollmentToken: z.string() });

export const capacitySchema = z.object({
  cpus: z.int().nonnegative(),
  memoryMiB: z.int().nonnegative(),
  publicAddresses: z.int().nonnegative(),
});
export type Capacity = z.infer<typeof capacitySchema>;

/** So many of a site's cached images are kept: those used last. */
export const MAX_CACHED_IMAGES = 64;
/** An image version of which something is in a site's cache. */
export const cachedImageSchema = z.object({
  imageId: ULID,
  version: z.int().positive(),
  /** Of the version's `storedBytes`: what need not be fetched any more. */
  cachedBytes: z.int().positive(),
});
export type CachedImage = z.infer<typeof cachedImageSchema>;

export const siteSchema = z.object({
  siteId: SITE_ID,
  displayName: z.string(),
  operatorGroups: z.array(z.string()),
  /** Since when its operator has had it take no new deployments and warmings; absent while it takes them. */
  drainingSince: z.iso.datetime().optional(),
  createdAt: z.iso.datetime(),
  enrolled: z.boolean(),
  lastSeen: z.iso.datetime().optional(),
  /** What is free, as the agent said last. */
  free: capacitySchema.optional(),
  agentVersion: z.string().optional(),
});
export type Site = z.infer<typeof siteSchema>;
export const siteResponse = z.object({ site: siteSchema });
/** A site as the asking member sees it. */
export const seenSiteSchema = siteSchema.extend({
  /** Some grant there is for the member, and no veto is. */
  granted: z.boolean(),
  /** Its agent has not been heard for minutes: what is sent there waits. */
  silent: z.boolean(),
  /** How many image versions are cached there, of those that the member may see. */
  cachedImages: z.int().nonnegative(),
});
export type SeenSite = z.infer<typeof seenSiteSchema>;
export const siteListResponse = z.object({ sites: z.array(seenSiteSchema) });
/** With the cached images that the member may see, the one used last first. */
export const shownSiteSchema = seenSiteSchema.extend({
  cached: z.array(cachedImageSchema.omit({ imageId: true }).extend({ imageName: IMAGE_NAME })),
});
export type ShownSite = z.infer<typeof shownSiteSchema>;
export const showSiteResponse = z.object({ site: shownSiteSchema });

/** Replaces all grants and vetoes of a site. `version` is the one that the change was made from. */
export const setSiteAccessRequest = z.strictObject(siteAccessSchema.shape);
export const siteAccessResponse = z.object({ access: siteAccessSchema });
