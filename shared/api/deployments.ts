/** Requests for deployments, their pages and their events. */
import * as z from 'zod';
import {
  deploymentEventSchema,
  deploymentSchema,
  failureSchema,
  MAX_COMPUTES,
  MAX_CPUS,
  MAX_EXTRA_INTERFACES,
  PHASES,
} from '../deployment.ts';
import {
  CHANNEL,
  IMAGE_NAME,
  MEMBER_ID,
  NETWORK_NAME,
  SITE_ID,
  SSH_PUBLIC_KEY,
  ULID,
  VERSION_NUMBER,
} from '../names.ts';
import { MAX_HOURS } from '../site-access.ts';
import { tokenOf } from './page-token.ts';
import { capacitySchema } from './sites.ts';

/** In the place of a site's id: the site where the cluster comes up soonest. */
export const ANY_SITE = 'any';
export const requestDeploymentRequest = z.strictObject({
  imageName: IMAGE_NAME,
  /** Or a channel; the newest that is not recalled where both are absent. */
  imageVersion: z.int().positive().optional(),
  imageChannel: CHANNEL.optional(),
  siteId: z.union([z.literal(ANY_SITE), SITE_ID]),
  /** Beside the frontend; where it is absent, one takes all CPUs that are asked for. */
  computes: z.int().nonnegative().max(MAX_COMPUTES).optional(),
  /** Of all computes together; one for each where it is absent. */
  cpus: z.int().nonnegative().max(MAX_CPUS).optional(),
  sshPublicKeys: z.array(SSH_PUBLIC_KEY).min(1).max(16),
  /** The cluster is destroyed after so long; where absent, after as long as the quota lets it live. */
  hours: z.int().positive().max(MAX_HOURS).optional(),
  /** Networks of the site, by its own names for them: every node has a further interface in each. */
  extraInterfaces: z.array(NETWORK_NAME).min(1).max(MAX_EXTRA_INTERFACES).optional(),
  memoryMiB: z
    .strictObject({
      frontend: z
        .int()
        .min(64)
        .max(1024 * 1024),
      compute: z
        .int()
        .min(64)
        .max(1024 * 1024),
    })
    .optional(),
});
/** The cluster then ends so many hours from now. */
export const extendDeploymentRequest = z.strictObject({ hours: z.int().positive().max(MAX_HOURS) });
/** Beside the frontend. */
export const scaleDeploymentRequest = z.strictObject({ computes: z.int().nonnegative().max(MAX_COMPUTES) });
/** What would become of a request. */
export const deploymentCheckSchema = z.object({
  /** Absent where any was asked for, and none takes it. */
  siteId: SITE_ID.optional(),
  imageName: IMAGE_NAME,
  /** Absent where there is no such version. */
  imageVersion: z.int().positive().optional(),
  /** The site's agent has been heard within the last 60 seconds. */
  agentHeard: z.boolean(),
  lastSeen: z.iso.datetime().optional(),
  /** What is free at the site, as its agent said last: it is the agent that decides whether that is enough. */
  free: capacitySchema.optional(),
  /**
   * At most so much has to be fetched: of the version's compressed bytes what the site does not say it has. Of a cluster without
   * computes the frontend's disk alone is fetched, whose part in it is not known. Absent without a site or version.
   */
  bytesToFetch: z.int().nonnegative().optional(),
  /** What does not refuse the request, but will probably make it fail: there is no room for it now. The agent decides. */
  warning: failureSchema.optional(),
  /** Why it would be refused; absent where it would be accepted. */
  refusal: failureSchema.optional(),
});
export type DeploymentCheck = z.infer<typeof deploymentCheckSchema>;
export const deploymentCheckResponse = z.object({ check: deploymentCheckSchema });

export const deploymentResponse = z.object({ deployment: deploymentSchema });

/** As whoever may look sees it: the keys are there for its member alone, not for operators. */
export const shownDeploymentSchema = deploymentSchema.partial({ sshPublicKeys: true });
export type ShownDeployment = z.infer<typeof shownDeploymentSchema>;
export const showDeploymentResponse = z.object({ deployment: shownDeploymentSchema });

/** So many deployments a page has, and where nobody says otherwise as many as that. */
export const MAX_PAGE_DEPLOYMENTS = 100;
const behind = z.string().refine((id) => ULID.safeParse(id).success, 'must be `next` of an earlier page');
export const nextToken = tokenOf(behind, 64);
const page = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_PAGE_DEPLOYMENTS))
    .optional()
    .describe(`At most so many, ${MAX_PAGE_DEPLOYMENTS} where absent.`),
  next: nextToken.optional().describe('`next` of the page before this one, asked for with the same filters.'),
};
/** All of them hold for each deployment of the answer. */
export const deploymentListQuery = z.strictObject({
  siteId: SITE_ID.optional().describe('Those at this site.'),
  imageName: IMAGE_NAME.optional().describe('Those of this image.'),
  imageVersion: VERSION_NUMBER.transform(Number).optional().describe('Those of this version of an image.'),
  phase: z
    .string()
    .transform((phases) => phases.split(','))
    .pipe(z.array(z.enum(PHASES)))
    .optional()
    .describe('Those in one of these phases, with commas between them.'),
  memberId: MEMBER_ID.optional().describe("This member's instead of one's own: for operators of the federation."),
  ...page,
});
export const siteDeploymentsQuery = z.strictObject(page);
/** Newest first. A page may be short, or empty, while there are more: they are asked for with `?next=<next>`. */
export const deploymentListResponse = z.object({
  deployments: z.array(shownDeploymentSchema),
  next: z.base64url().max(64).optional(),
});
/** Sequence numbers are kept with ten digits, and the first event that is answered is the next one. */
const MAX_AFTER = 9_999_999_998;
export const eventsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,10}$/, 'must be the sequence number of an event')
    .transform(Number)
    .pipe(z.int().max(MAX_AFTER))
    .optional()
    .describe('Events after this sequence number; all where absent.'),
});
export const eventsResponse = z.object({ events: z.array(deploymentEventSchema) });
