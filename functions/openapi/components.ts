/** The schemas that the description names; every other one is written where it is used. */
import * as api from '#shared/api.ts';
import { reportSchema } from '#shared/apply-report.ts';
import { deploymentEventSchema, deploymentSchema, failureSchema } from '#shared/deployment.ts';
import { auditRecordSchema } from '#shared/audit.ts';
import { grantSchema } from '#shared/grant.ts';
import { warmingReportSchema, warmingSchema } from '#shared/warming.ts';
import * as z from 'zod';

const REQUESTS = {
  BeginImageRequest: api.beginImageRequest,
  UploadsRequest: api.uploadsRequest,
  PublishVersionRequest: api.publishVersionRequest,
  ChannelRequest: api.channelRequest,
  ShareImageRequest: api.shareImageRequest,
  VerdictRequest: api.verdictRequest,
  CertifyPublisherRequest: api.certifyPublisherRequest,
  RegisterSiteRequest: api.registerSiteRequest,
  SetSiteAccessRequest: api.setSiteAccessRequest,
  EnrollRequest: api.enrollRequest,
  HeartbeatRequest: api.heartbeatRequest,
  DeploymentRequest: api.requestDeploymentRequest,
  ExtendDeploymentRequest: api.extendDeploymentRequest,
  WarmingRequest: api.requestWarmingRequest,
  AuditCountsRequest: api.auditCountsRequest,
  DeploymentReport: reportSchema,
  WarmingReport: warmingReportSchema,
};

const RESPONSES = {
  Deployment: deploymentSchema,
  DeploymentEvent: deploymentEventSchema,
  Failure: failureSchema,
  Warming: warmingSchema,
  Image: api.imageSchema,
  ImageVersion: api.imageVersionSchema,
  Site: api.siteSchema,
  Grant: grantSchema,
  AuditRecord: auditRecordSchema,
  Problem: api.problemSchema,
  ProtectedResource: api.protectedResourceResponse,
  OpenApi: api.openApiResponse,
  BeginImageAnswer: api.beginImageResponse,
  UploadsAnswer: api.uploadsResponse,
  ImageListAnswer: api.imageListResponse,
  ImageAnswer: api.imageResponse,
  RecallAnswer: api.recallResponse,
  DeleteVersionAnswer: api.deleteVersionResponse,
  TrustAnswer: api.trustResponse,
  CertifyPublisherAnswer: api.certifyPublisherResponse,
  SiteAnswer: api.siteResponse,
  SiteAccessAnswer: api.siteAccessResponse,
  SiteListAnswer: api.siteListResponse,
  ShowSiteAnswer: api.showSiteResponse,
  RegisterSiteAnswer: api.registerSiteResponse,
  EnrollAnswer: api.enrollResponse,
  SessionAnswer: api.sessionResponse,
  HeartbeatAnswer: api.heartbeatResponse,
  JobAnswer: api.jobResponse,
  GrantAnswer: api.grantResponse,
  ReportAnswer: api.reportResponse,
  DeploymentAnswer: api.deploymentResponse,
  DeploymentCheckAnswer: api.deploymentCheckResponse,
  DeploymentListAnswer: api.deploymentListResponse,
  EventsAnswer: api.eventsResponse,
  WarmingAnswer: api.warmingResponse,
  WarmingJobAnswer: api.warmingJobResponse,
  WarmingReportAnswer: api.warmingReportResponse,
  ConsumptionRow: api.consumptionRowSchema,
  UsageAnswer: api.usageResponse,
  AuditPageAnswer: api.auditPageResponse,
  AuditCountsAnswer: api.auditCountsResponse,
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
