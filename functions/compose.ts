/**
 * Where ports meet adapters: the only reader of process.env and the only importer of adapters. One function per Lambda, so that
 * each bundle holds what it uses and nothing else.
 */
import { createRemoteJWKSet } from 'jose';
import { CloudWatchAuditLog } from './adapters/cloudwatch-audit-log.ts';
import { CloudWatchAuditTrail } from './adapters/cloudwatch-audit-trail.ts';
import { DynamoDbBegunStore } from './adapters/dynamodb-begun.ts';
import { DynamoDbConsumptionStore } from './adapters/dynamodb-consumption.ts';
import { DynamoDbDeploymentStore } from './adapters/dynamodb-deployment-store.ts';
import { DynamoDbImageStore } from './adapters/dynamodb-image-store.ts';
import { DynamoDbOutbox } from './adapters/dynamodb-outbox.ts';
import { DynamoDbPublisherStore } from './adapters/dynamodb-publisher-store.ts';
import { DynamoDbRateLimiter } from './adapters/dynamodb-rate-limiter.ts';
import { DynamoDbSiteStore } from './adapters/dynamodb-site-store.ts';
import { Table } from './adapters/dynamodb-table.ts';
import { DynamoDbWarmingStore } from './adapters/dynamodb-warming-store.ts';
import { LambdaUrlSigner } from './adapters/lambda-url-signer.ts';
import { powertoolsLog } from './adapters/powertools-log.ts';
import { S3ImageBucket } from './adapters/s3-image-bucket.ts';
import { SecretsManagerEnrollmentSecrets } from './adapters/secrets-manager-enrollment-secrets.ts';
import { SecretsManagerSigningKeys } from './adapters/secrets-manager-signing-keys.ts';
import { SqsDeploymentQueues } from './adapters/sqs-deployment-queues.ts';
import { StsSiteCredentials } from './adapters/sts-site-credentials.ts';
import type { AuthorizeRequestPorts } from './authorize-request/authorize-request.ts';
import type { CertifyPublisherPorts } from './certify-publisher/certify-publisher.ts';
import type { CheckDeploymentPorts } from './check-deployment/check-deployment.ts';
import type { EnrollAgentPorts } from './enroll-agent/enroll-agent.ts';
import type { FindImagePorts } from './find-image.ts';
import type { ApiPorts } from './http/api-handler.ts';
import type { ManageImagesPorts } from './manage-images/manage-images.ts';
import type { ManageSitesPorts } from './manage-sites/manage-sites.ts';
import type { WishPorts } from './new-wish.ts';
import type { AuthorizeAgainPorts } from './authorize-again.ts';
import type { ShowSitesPorts } from './manage-sites/show-sites.ts';
import type { MintUrlsPorts } from './mint-urls/mint-urls.ts';
import type { OperateSitePorts } from './operate-site/operate-site.ts';
import type { DeliveryPorts } from './outbox/deliver-outbox.ts';
import type { PublishImagePorts } from './publish-image/publish-image.ts';
import type { ReadAuditPorts } from './read-audit/read-audit.ts';
import type { ShowDeploymentPorts } from './read-deployments/show-deployment.ts';
import type { ReadJobPorts } from './read-job/read-job.ts';
import type { ReadUsagePorts } from './read-usage/read-usage.ts';
import type { RebuildCatalogPorts } from './rebuild-catalog/rebuild-catalog.ts';
import type { RecordReportsPorts } from './record-report/record-reports.ts';
import type { RenewUrlsPorts } from './renew-urls/renew-urls.ts';
import type { RequestDeploymentPorts } from './request-deployment/request-deployment.ts';
import type { ServeWarmingPorts } from './serve-warming/serve-warming.ts';
import type { SweepPorts } from './sweep/sweep.ts';
import type { WarmImagePorts } from './warm-image/warm-image.ts';

/** A setting that serverless.yml gives every function. */
function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

const now = (): Date => new Date();
const log = powertoolsLog();
const table = (): Table => new Table(setting('TABLE_NAME'));

const decisions = (): DeliveryPorts & { readonly now: () => Date } => ({
  log,
  now,
  outbox: new DynamoDbOutbox(table()),
  auditLog: new CloudWatchAuditLog(setting('AUDIT_LOG_GROUP')),
  queues: new SqsDeploymentQueues(setting('QUEUE_PREFIX')),
});

const sites = () => new DynamoDbSiteStore(table());
const images = () => new DynamoDbImageStore(table());
const deployments = () => new DynamoDbDeploymentStore(table());
const warmings = () => new DynamoDbWarmingStore(table());
const publishers = () => new DynamoDbPublisherStore(table());
const imageBucket = () =>
  new S3ImageBucket({
    bucket: setting('IMAGE_BUCKET'),
    // An S3-compatible server without wildcard DNS takes the bucket's name in the path.
    pathStyle: process.env['AWS_ENDPOINT_URL_S3'] !== undefined,
  });
const urlSigner = () => new LambdaUrlSigner(setting('MINT_FUNCTION'));
const rootPublicKeyPem = (): string => Buffer.from(setting('ROOT_PUBLIC_KEY_BASE64'), 'base64').toString();

/** What every operation with a known caller needs before it begins. */
export const composeApi = (): ApiPorts => ({ log, now, rateLimiter: new DynamoDbRateLimiter(table()) });

export const composeAuthorizeRequest = (): AuthorizeRequestPorts & { readonly log: typeof log } => ({
  log,
  now,
  issuer: setting('OIDC_ISSUER'),
  audience: setting('OIDC_AUDIENCE'),
  groupsClaim: setting('OIDC_GROUPS_CLAIM'),
  issuerKeys: createRemoteJWKSet(new URL(setting('OIDC_JWKS_URL'))),
  sites: sites(),
});

export const composeRequestDeployment = (): RequestDeploymentPorts => ({
  ...decisions(),
  sites: sites(),
  images: images(),
  deployments: deployments(),
  urlSigner: urlSigner(),
});

/** Without an outbox, a queue or a trail: it has nothing to write to. */
export const composeCheckDeployment = (): CheckDeploymentPorts => ({
  now,
  sites: sites(),
  images: images(),
  deployments: deployments(),
});

export const composeReadDeployments = (): ShowDeploymentPorts => ({
  ...decisions(),
  sites: sites(),
  deployments: deployments(),
});

export const composeDestroyDeployment = (): WishPorts => composeReadDeployments();

export const composeExtendDeployment = (): AuthorizeAgainPorts => ({
  ...composeDestroyDeployment(),
  images: images(),
});

export const composeSteerDeployment = composeExtendDeployment;

export const composeMintUrls = (): MintUrlsPorts => ({
  now,
  signingKeys: new SecretsManagerSigningKeys(setting('SIGNING_KEY_SECRET')),
  distributionUrl: setting('DISTRIBUTION_URL'),
});

export const composeRenewUrls = (): RenewUrlsPorts => ({
  ...decisions(),
  images: images(),
  sites: sites(),
  deployments: deployments(),
  urlSigner: urlSigner(),
});

export const composePublishImage = (): PublishImagePorts => ({
  ...decisions(),
  images: images(),
  publishers: publishers(),
  bucket: imageBucket(),
  rootPublicKeyPem: rootPublicKeyPem(),
});

/** No function: an operator runs it. */
export const composeRebuildCatalog = (): RebuildCatalogPorts => ({
  now,
  images: images(),
  publishers: publishers(),
  bucket: imageBucket(),
  rootPublicKeyPem: rootPublicKeyPem(),
});

export const composeReadImages = (): FindImagePorts => ({ ...decisions(), images: images() });

export const composeManageImages = (): ManageImagesPorts => ({ ...decisions(), images: images() });

export const composeCertifyPublisher = (): CertifyPublisherPorts => ({
  ...decisions(),
  publishers: publishers(),
  rootPublicKeyPem: rootPublicKeyPem(),
});

export const composeManageSites = (): ManageSitesPorts & ShowSitesPorts => ({
  ...decisions(),
  sites: sites(),
  images: images(),
  enrollmentSecrets: new SecretsManagerEnrollmentSecrets(setting('ENROLLMENT_SECRET')),
  rootPublicKeyPem: rootPublicKeyPem(),
});

export const composeOperateSite = (): OperateSitePorts => ({ ...decisions(), sites: sites() });

export const composeEnrollAgent = (): EnrollAgentPorts => ({
  ...decisions(),
  sites: sites(),
  rootPublicKeyPem: rootPublicKeyPem(),
  audience: setting('OIDC_AUDIENCE'),
});

export const composeOpenAgentSession = () => ({
  ...decisions(),
  sites: sites(),
  region: setting('AWS_REGION'),
  distributionUrl: setting('DISTRIBUTION_URL'),
  siteCredentials: new StsSiteCredentials(setting('SITE_SESSION_ROLE')),
});

export const composeReadAudit = (): ReadAuditPorts => ({
  ...decisions(),
  trail: new CloudWatchAuditTrail(setting('AUDIT_LOG_GROUP')),
  begun: new DynamoDbBegunStore(table()),
  deployments: deployments(),
  warmings: warmings(),
});

export const composeReadUsage = (): ReadUsagePorts => ({
  ...decisions(),
  sites: sites(),
  consumption: new DynamoDbConsumptionStore(table()),
});

export const composeReadJob = (): ReadJobPorts => ({
  ...decisions(),
  deployments: deployments(),
  images: images(),
  publishers: publishers(),
});

export const composeRecordReport = (): RecordReportsPorts => ({
  ...decisions(),
  deployments: deployments(),
  warmings: warmings(),
});

export const composeRecordHeartbeat = () => ({ ...decisions(), sites: sites() });

export const composeDescribeApi = () => ({ log, issuer: setting('OIDC_ISSUER'), audience: setting('OIDC_AUDIENCE') });

export const composeWarmImage = (): WarmImagePorts => ({
  ...decisions(),
  sites: sites(),
  images: images(),
  warmings: warmings(),
  urlSigner: urlSigner(),
});

export const composeServeWarming = (): ServeWarmingPorts => ({ ...composeWarmImage(), publishers: publishers() });

export const composeSweep = (): SweepPorts => ({
  ...decisions(),
  deployments: deployments(),
  warmings: warmings(),
  sites: sites(),
});
