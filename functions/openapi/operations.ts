/**
 * Every operation of the HTTP API, a row each: the one table that the API's own description is made of. Tests hold it against
 * the routes of serverless.yml, and against what a running API answers.
 */
import {
  enrollRequest,
  enrollResponse,
  grantResponse,
  heartbeatRequest,
  heartbeatResponse,
  jobResponse,
  reportsRequest,
  reportsResponse,
  sessionResponse,
} from '#shared/api/agents.ts';
import {
  auditCountsRequest,
  auditCountsResponse,
  auditPageResponse,
  auditQuery,
  auditSubjectsQuery,
  auditSubjectsResponse,
} from '#shared/api/audit-trail.ts';
import {
  deploymentCheckResponse,
  deploymentListQuery,
  deploymentListResponse,
  deploymentResponse,
  eventsQuery,
  eventsResponse,
  extendDeploymentRequest,
  requestDeploymentRequest,
  scaleDeploymentRequest,
  showDeploymentResponse,
  siteDeploymentsQuery,
} from '#shared/api/deployments.ts';
import { openApiResponse, protectedResourceResponse } from '#shared/api/discovery.ts';
import {
  beginImageRequest,
  beginImageResponse,
  channelRequest,
  deleteVersionResponse,
  imageListResponse,
  imageResponse,
  imageSchema,
  imageVersionSchema,
  publishVersionRequest,
  recallResponse,
  shareImageRequest,
  uploadsRequest,
  uploadsResponse,
  verdictRequest,
} from '#shared/api/images.ts';
import {
  registerSiteRequest,
  registerSiteResponse,
  setSiteAccessRequest,
  siteAccessResponse,
  showSiteResponse,
  siteListResponse,
  siteResponse,
} from '#shared/api/sites.ts';
import { certifyPublisherRequest, certifyPublisherResponse, trustResponse } from '#shared/api/trust.ts';
import { usageQuery, usageResponse } from '#shared/api/usage.ts';
import { requestWarmingRequest, warmingJobResponse, warmingResponse } from '#shared/api/warmings.ts';
import type { ErrorCode } from '#shared/errors.ts';
import type * as z from 'zod';

/** Who may call: anybody, a member with the issuer's token, or the agent of the site that the path names. */
export type Caller = 'anyone' | 'member' | 'agent';

export interface Operation {
  readonly summary: string;
  readonly caller: Caller;
  readonly request?: z.ZodType;
  readonly status: 200 | 201 | 202;
  readonly response: z.ZodType;
  /** Takes an `Idempotency-Key`: asked again with it, answers what was made the first time. */
  readonly idempotent?: true;
  readonly query?: z.ZodObject;
  /** Codes beside those that follow from the rest of the row (error-codes.ts). */
  readonly errors?: readonly ErrorCode[];
}

/** By route, spelled as in serverless.yml. */
export const OPERATIONS = {
  'GET /.well-known/oauth-protected-resource': {
    summary: 'Where members log in (RFC 9728)',
    ...{ caller: 'anyone', status: 200, response: protectedResourceResponse },
  },
  'GET /v1/openapi.json': {
    summary: 'This description',
    ...{ caller: 'anyone', status: 200, response: openApiResponse },
  },
  'POST /v1/deployments': {
    summary: 'Asks for a cluster: an image version, to be booted at a site, or at any',
    ...{ caller: 'member', request: requestDeploymentRequest, status: 202, response: deploymentResponse },
    idempotent: true,
    errors: [
      'NOT_FOUND',
      'FORBIDDEN',
      'IMAGE_RECALLED',
      'VETOED',
      'SITE_DRAINING',
      'QUOTA_EXCEEDED',
      'NO_CAPACITY',
      'CONFLICT',
    ],
  },
  'POST /v1/deployments/dry-run': {
    summary:
      'What would become of such a request: where it would go, how much it would fetch at most, and why it would be refused. Writes nothing',
    ...{ caller: 'member', request: requestDeploymentRequest, status: 200, response: deploymentCheckResponse },
  },
  'GET /v1/deployments': {
    summary:
      "The member's own deployments, newest first, a page at a time; an operator of the federation may name another member",
    ...{ caller: 'member', status: 200, response: deploymentListResponse },
    query: deploymentListQuery,
    errors: ['FORBIDDEN'],
  },
  'GET /v1/deployments/{deploymentId}': {
    summary: "The member's own deployment, or, without its keys, one that they are responsible for as an operator",
    ...{ caller: 'member', status: 200, response: showDeploymentResponse },
  },
  'GET /v1/deployments/{deploymentId}/events': {
    summary: 'Its history, for those who may see it; answered at once',
    ...{ caller: 'member', status: 200, response: eventsResponse },
    query: eventsQuery,
  },
  'DELETE /v1/deployments/{deploymentId}': {
    summary: 'Wishes the cluster gone. Idempotent: asked again, the wish is announced again',
    ...{ caller: 'member', status: 202, response: deploymentResponse },
    errors: ['CONFLICT'],
  },
  'POST /v1/deployments/{deploymentId}/extend': {
    summary: 'Puts the end off: so many hours from now, under the rules for new ones. Harmless when repeated',
    ...{ caller: 'member', request: extendDeploymentRequest, status: 200, response: deploymentResponse },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'VETOED', 'SITE_DRAINING', 'QUOTA_EXCEEDED', 'CONFLICT'],
  },
  'POST /v1/deployments/{deploymentId}/stop': {
    summary: 'Wishes a cluster off that has run; its disks and addresses stay. Idempotent, as destroying is',
    ...{ caller: 'member', status: 202, response: deploymentResponse },
    errors: ['CONFLICT'],
  },
  'POST /v1/deployments/{deploymentId}/start': {
    summary: 'Wishes it on again, under the rules for new ones. Idempotent, as destroying is',
    ...{ caller: 'member', status: 202, response: deploymentResponse },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'VETOED', 'SITE_DRAINING', 'CONFLICT'],
  },
  'POST /v1/deployments/{deploymentId}/scale': {
    summary: 'Wishes more computes, under the rules for new deployments, or fewer. Idempotent, as destroying is',
    ...{ caller: 'member', request: scaleDeploymentRequest, status: 202, response: deploymentResponse },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'VETOED', 'SITE_DRAINING', 'QUOTA_EXCEEDED', 'CONFLICT'],
  },
  'POST /v1/images': {
    summary: 'Begins to publish: the id of the image of that name, made where there is none. Idempotent by the name',
    ...{ caller: 'member', request: beginImageRequest, status: 200, response: beginImageResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'POST /v1/images/{imageId}/uploads': {
    summary: 'Which objects are missing, and where to put them. Harmless when repeated',
    ...{ caller: 'member', request: uploadsRequest, status: 200, response: uploadsResponse },
    errors: ['FORBIDDEN'],
  },
  'POST /v1/images/{imageId}/versions': {
    summary:
      'Makes the version, once manifest and objects are there and checked. Idempotent: the same manifest again answers its version',
    ...{ caller: 'member', request: publishVersionRequest, status: 201, response: imageVersionSchema },
    errors: ['FORBIDDEN', 'MANIFEST_UNTRUSTED', 'CONFLICT'],
  },
  'GET /v1/images': {
    summary: 'The catalog: every image that the member may see',
    ...{ caller: 'member', status: 200, response: imageListResponse },
  },
  'GET /v1/images/{imageName}': {
    summary: 'One image with its versions',
    ...{ caller: 'member', status: 200, response: imageResponse },
  },
  'PUT /v1/images/{imageName}/channels/{channel}': {
    summary: 'Points a channel at a version: a new channel, or one that moves forward. For the owner',
    ...{ caller: 'member', request: channelRequest, status: 200, response: imageSchema },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'CONFLICT'],
  },
  'DELETE /v1/images/{imageName}/channels/{channel}': {
    summary: 'Removes a channel. For the owner',
    ...{ caller: 'member', status: 200, response: imageSchema },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'PUT /v1/images/{imageName}/sharing': {
    summary: 'Who may see the image, and therefore deploy it. For the owner',
    ...{ caller: 'member', request: shareImageRequest, status: 200, response: imageSchema },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'PUT /v1/images/{imageName}/versions/{imageVersion}/deprecation': {
    summary: 'Deprecates a version: it may be deployed, and says why it should not. For the owner',
    ...{ caller: 'member', request: verdictRequest, status: 200, response: imageVersionSchema },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'CONFLICT'],
  },
  'DELETE /v1/images/{imageName}/versions/{imageVersion}/deprecation': {
    summary: 'Takes that back. For the owner',
    ...{ caller: 'member', status: 200, response: imageVersionSchema },
    errors: ['FORBIDDEN', 'IMAGE_RECALLED', 'CONFLICT'],
  },
  'PUT /v1/images/{imageName}/versions/{imageVersion}/recall': {
    summary:
      'Recalls a version for ever, and answers which deployments use it. For the owner and for operators of the federation',
    ...{ caller: 'member', request: verdictRequest, status: 200, response: recallResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'DELETE /v1/images/{imageName}/versions/{imageVersion}': {
    summary: 'Deletes a version that no channel points at and no deployment uses. For the owner',
    ...{ caller: 'member', status: 200, response: deleteVersionResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'GET /v1/trust': {
    summary: "The federation's root key, and the member's own certificate",
    ...{ caller: 'member', status: 200, response: trustResponse },
  },
  'POST /v1/publishers': {
    summary:
      "Keeps a publisher's certificate that the root key has signed. Harmless when repeated. For operators of the federation",
    ...{ caller: 'member', request: certifyPublisherRequest, status: 200, response: certifyPublisherResponse },
    errors: ['FORBIDDEN', 'MANIFEST_UNTRUSTED', 'CONFLICT'],
  },
  'GET /v1/sites': {
    summary: 'The sites of the federation',
    ...{ caller: 'member', status: 200, response: siteListResponse },
  },
  'GET /v1/sites/{siteId}': {
    summary: 'One site, with those cached images that the member may see',
    ...{ caller: 'member', status: 200, response: showSiteResponse },
  },
  'POST /v1/sites': {
    summary: 'Registers a site, or replaces its settings; answers a one-time token. For operators of the federation',
    ...{ caller: 'member', request: registerSiteRequest, status: 201, response: registerSiteResponse },
    idempotent: true,
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'PUT /v1/sites/{siteId}/drain': {
    summary: 'New deployments and warmings are refused, what is there goes on. For operators of the site or federation',
    ...{ caller: 'member', status: 200, response: siteResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'DELETE /v1/sites/{siteId}/drain': {
    summary: 'New deployments and warmings are taken again. For operators of the site or the federation',
    ...{ caller: 'member', status: 200, response: siteResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'GET /v1/sites/{siteId}/grants': {
    summary: 'Who may use the site, and who may not. For operators of the site or the federation',
    ...{ caller: 'member', status: 200, response: siteAccessResponse },
    errors: ['FORBIDDEN'],
  },
  'PUT /v1/sites/{siteId}/grants': {
    summary: 'Replaces grants and vetoes of the site. For operators of the site or the federation',
    ...{ caller: 'member', request: setSiteAccessRequest, status: 200, response: siteAccessResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'GET /v1/sites/{siteId}/deployments': {
    summary: 'The deployments there that are not over, newest first. For operators of the site or the federation',
    ...{ caller: 'member', status: 200, response: deploymentListResponse },
    query: siteDeploymentsQuery,
    errors: ['FORBIDDEN'],
  },
  'POST /v1/enrollments': {
    summary:
      "Uses a site's one-time token up and keeps its agent's key. Idempotent: the same key again gets the same answer",
    ...{ caller: 'anyone', request: enrollRequest, status: 201, response: enrollResponse },
    errors: ['FORBIDDEN', 'CONFLICT'],
  },
  'POST /v1/sites/{siteId}/session': {
    summary: "One-hour credentials for the site's own queue. Harmless when repeated",
    ...{ caller: 'agent', status: 201, response: sessionResponse },
  },
  'POST /v1/sites/{siteId}/heartbeat': {
    summary: 'The agent lives; what is free at its site, and what is cached there',
    ...{ caller: 'agent', request: heartbeatRequest, status: 200, response: heartbeatResponse },
    errors: ['CONFLICT'],
  },
  'GET /v1/sites/{siteId}/deployments/{deploymentId}': {
    summary: 'What the agent is to do for a deployment, and with which image',
    ...{ caller: 'agent', status: 200, response: jobResponse },
  },
  'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant': {
    summary: 'A fresh grant, while something of the image may still have to be fetched',
    ...{ caller: 'agent', status: 200, response: grantResponse },
    errors: ['IMAGE_RECALLED', 'VETOED', 'ACCESS_WITHDRAWN', 'CONFLICT'],
  },
  'POST /v1/sites/{siteId}/reports': {
    summary:
      'How far the agent is: up to 32 reports on deployments and warmings of its site, each with a result of its own. Idempotent',
    ...{ caller: 'agent', request: reportsRequest, status: 200, response: reportsResponse },
  },
  'POST /v1/warmings': {
    summary: 'Asks that an image be pulled through the edge nearest to a site',
    ...{ caller: 'member', request: requestWarmingRequest, status: 202, response: warmingResponse },
    idempotent: true,
    errors: ['NOT_FOUND', 'FORBIDDEN', 'IMAGE_RECALLED', 'VETOED', 'SITE_DRAINING', 'CONFLICT'],
  },
  'GET /v1/warmings/{warmingId}': {
    summary: "One of the member's own warmings",
    ...{ caller: 'member', status: 200, response: warmingResponse },
  },
  'GET /v1/sites/{siteId}/warmings/{warmingId}': {
    summary: 'What the agent is to do for a warming; without the image where that version is gone',
    ...{ caller: 'agent', status: 200, response: warmingJobResponse },
  },
  'POST /v1/sites/{siteId}/warmings/{warmingId}/grant': {
    summary: 'A fresh grant, while the warming is not over',
    ...{ caller: 'agent', status: 200, response: grantResponse },
    errors: ['IMAGE_RECALLED', 'VETOED', 'ACCESS_WITHDRAWN', 'CONFLICT'],
  },
  'GET /v1/usage': {
    summary: "What was consumed in a month: one's own, or others' where an operator asks",
    ...{ caller: 'member', status: 200, response: usageResponse },
    query: usageQuery,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  },
  'GET /v1/audit': {
    summary: 'The audit trail, oldest records first, a page at a time. For operators of the federation',
    ...{ caller: 'member', status: 200, response: auditPageResponse },
    query: auditQuery,
    errors: ['FORBIDDEN'],
  },
  'GET /v1/audit/subjects': {
    summary:
      'Deployments and warmings that began on a day, of which there must be records. For operators of the federation',
    ...{ caller: 'member', status: 200, response: auditSubjectsResponse },
    query: auditSubjectsQuery,
    errors: ['FORBIDDEN'],
  },
  'POST /v1/audit/counts': {
    summary: 'How many records there should be of deployments and warmings. For operators of the federation',
    ...{ caller: 'member', request: auditCountsRequest, status: 200, response: auditCountsResponse },
    errors: ['FORBIDDEN'],
  },
} as const satisfies Record<string, Operation>;

export type Route = keyof typeof OPERATIONS;

/** The rows, in the table's order. */
export function operations(): { readonly route: Route; readonly operation: Operation }[] {
  return (Object.keys(OPERATIONS) as Route[]).map((route) => ({ route, operation: OPERATIONS[route] }));
}
