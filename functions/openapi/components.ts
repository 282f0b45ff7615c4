/** The schemas that the description names; every other one is written where it is used. */
import * as agents from '#shared/api/agents.ts';
import * as auditTrail from '#shared/api/audit-trail.ts';
import * as deployments from '#shared/api/deployments.ts';
import * as discovery from '#shared/api/discovery.ts';
import * as images from '#shared/api/images.ts';
import * as problem from '#shared/api/problem.ts';
import * as sites from '#shared/api/sites.ts';
import * as trust from '#shared/api/trust.ts';
import * as usage from '#shared/api/usage.ts';
import * as warmings from '#shared/api/warmings.ts';
import { reportSchema } from '#shared/apply-report.ts';
import { deploymentEventSchema, deploymentSchema, failureSchema } from '#shared/deployment.ts';
import { auditRecordSchema } from '#shared/audit.ts';
import { grantSchema } from '#shared/grant.ts';
import { warmingReportSchema, warmingSchema } from '#shared/warming.ts';
import * as z from 'zod';

const REQUESTS = {
  BeginImageRequest: images.beginImageRequest,
  UploadsRequest: images.uploadsRequest,
  PublishVersionRequest: images.publishVersionRequest,
  ChannelRequest: images.channelRequest,
  ShareImageRequest: images.shareImageRequest,
  VerdictRequest: images.verdictRequest,
  CertifyPublisherRequest: trust.certifyPublisherRequest,
  RegisterSiteRequest: sites.registerSiteRequest,
  SetSiteAccessRequest: sites.setSiteAccessRequest,
  EnrollRequest: agents.enrollRequest,
  HeartbeatRequest: agents.heartbeatRequest,
  DeploymentRequest: deployments.requestDeploymentRequest,
  ExtendDeploymentRequest: deployments.extendDeploymentRequest,
  ScaleDeploymentRequest: deployments.scaleDeploymentRequest,
  WarmingRequest: warmings.requestWarmingRequest,
  AuditCountsRequest: auditTrail.auditCountsRequest,
  ReportsRequest: agents.reportsRequest,
  SiteReport: agents.siteReportSchema,
  DeploymentReport: reportSchema,
  WarmingReport: warmingReportSchema,
};

const RESPONSES = {
  Deployment: deploymentSchema,
  DeploymentEvent: deploymentEventSchema,
  Failure: failureSchema,
  Warming: warmingSchema,
  Image: images.imageSchema,
  ImageVersion: images.imageVersionSchema,
  Site: sites.siteSchema,
  Grant: grantSchema,
  AuditRecord: auditRecordSchema,
  Problem: problem.problemSchema,
  ProtectedResource: discovery.protectedResourceResponse,
  OpenApi: discovery.openApiResponse,
  BeginImageAnswer: images.beginImageResponse,
  UploadsAnswer: images.uploadsResponse,
  ImageListAnswer: images.imageListResponse,
  ImageAnswer: images.imageResponse,
  RecallAnswer: images.recallResponse,
  DeleteVersionAnswer: images.deleteVersionResponse,
  TrustAnswer: trust.trustResponse,
  CertifyPublisherAnswer: trust.certifyPublisherResponse,
  SiteAnswer: sites.siteResponse,
  SiteAccessAnswer: sites.siteAccessResponse,
  SiteListAnswer: sites.siteListResponse,
  ShowSiteAnswer: sites.showSiteResponse,
  RegisterSiteAnswer: sites.registerSiteResponse,
  EnrollAnswer: agents.enrollResponse,
  SessionAnswer: agents.sessionResponse,
  HeartbeatAnswer: agents.heartbeatResponse,
  JobAnswer: agents.jobResponse,
  GrantAnswer: agents.grantResponse,
  ReportsAnswer: agents.reportsResponse,
  DeploymentAnswer: deployments.deploymentResponse,
  ShownDeployment: deployments.shownDeploymentSchema,
  ShowDeploymentAnswer: deployments.showDeploymentResponse,
  DeploymentCheckAnswer: deployments.deploymentCheckResponse,
  DeploymentListAnswer: deployments.deploymentListResponse,
  EventsAnswer: deployments.eventsResponse,
  WarmingAnswer: warmings.warmingResponse,
  WarmingJobAnswer: warmings.warmingJobResponse,
  ConsumptionRow: usage.consumptionRowSchema,
  UsageAnswer: usage.usageResponse,
  AuditPageAnswer: auditTrail.auditPageResponse,
  AuditSubject: auditTrail.auditSubjectSchema,
  AuditSubjectsAnswer: auditTrail.auditSubjectsResponse,
  AuditCountsAnswer: auditTrail.auditCountsResponse,
};

const uri = (name: string): string => `#/components/schemas/${name}`;
const NAMES = new Map<z.ZodType, string>(
  Object.entries({ ...REQUESTS, ...RESPONSES }).map(([name, schema]) => [schema, name]),
);

/** Throws for a schema that has no name here: a fault of ours. */
export function referenceTo(schema: z.ZodType): { readonly $ref: string } {
  const name = NAMES.get(schema);
  if (name === undefined) throw new Error('a schema of the API has no name in components.ts');
  return { $ref: uri(name) };
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Requests as they are sent, answers as they are received: an answer may have more fields in a later version of the API. */
export function componentSchemas(): Readonly<Record<string, JsonSchema>> {
  return { ...convert(REQUESTS, 'input'), ...convert(RESPONSES, 'output') };
}

function convert(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const converted = z.toJSONSchema(registry, { io, uri, override: leaveOpen }).schemas;
  return Object.fromEntries(Object.entries(converted).map(([name, schema]) => [name, withoutDialect(schema)]));
}

/** A schema of the document is in its dialect and at its place already. */
export function withoutDialect(schema: JsonSchema): JsonSchema {
  const plain = { ...schema };
  delete plain.$schema;
  delete plain.$id;
  return plain;
}

/** Only what a strict schema forbids is forbidden: zod closes every object of an output otherwise. */
function leaveOpen({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }): void {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
}
