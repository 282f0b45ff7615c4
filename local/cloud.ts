/** The embedded cloud: everything that AWS and an identity provider do for this project, on the loopback of one machine. */
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { lambdaEndpoint, startApi } from './api.ts';
import { type CallWatcher, startCallWatch } from './aws/call-watch.ts';
import { awsClients, awsEnvironment, startAwsServices, type AwsEndpoints, type AwsServices } from './aws/services.ts';
import { guardByRoles } from './aws/role-guard.ts';
import { createStackResources, nameOf, type StackResources } from './aws/stack-resources.ts';
import type { AssumedRole } from './aws/sts.ts';
import type { LogLine } from './child-server.ts';
import { Closers } from './closers.ts';
import { freePort } from './free-port.ts';
import { startDistribution, type Distribution, type DistributionOptions } from './distribution/distribution.ts';
import { startOidcIssuer, type Member, type OidcIssuer } from './oidc-issuer.ts';
import { readService, type ServiceDefinition } from './service-definition.ts';
import { createSigningKeyPair, type SigningKeyPair } from './signing-key-pair.ts';

export interface CloudOptions {
  readonly members: readonly Member[];
  /** The federation's root. Its private key never lies in the cloud. */
  readonly rootPublicKeyPem: string;
  /** Services that run already, and go on when the cloud is closed; its own by default. */
  readonly services?: AwsServices;
  /** Whose access tokens are believed, where not those of the issuer that runs here. */
  readonly otherIssuer?: { readonly issuer: string; readonly jwksUrl: string; readonly audience: string };
  /** Gets the output of the API, its functions and the database, line by line. */
  readonly log: LogLine;
  /** Sees every call that a function makes, or that its presigned URLs are used for; nobody watches by default. */
  readonly watchCalls?: CallWatcher;
  /** What the distribution does otherwise than by default: locations, observers, faults. */
  readonly distribution?: Partial<Omit<DistributionOptions, 'originBaseUrl' | 'keyGroup'>>;
}

export interface Cloud {
  readonly apiUrl: string;
  /** serverless.yml as it is served, for the stage of the embedded cloud. */
  readonly definition: ServiceDefinition;
  /** Functions by their full name, for the Lambda client. */
  readonly lambdaEndpoint: string;
  readonly issuer: OidcIssuer;
  readonly distribution: Distribution;
  readonly endpoints: AwsEndpoints;
  /** What the functions got: every endpoint and setting. With it, any program's SDK clients use this cloud. */
  readonly environment: Readonly<Record<string, string>>;
  readonly names: { readonly bucket: string; readonly table: string; readonly signingKeySecret: string };
  /** The distribution's key group: pairs added here are trusted from the next request on, those taken out no more. */
  readonly keyGroup: SigningKeyPair[];
  /** Adds a new pair to the key group: from now on it is trusted, too. */
  addSigningKey(): Promise<SigningKeyPair>;
  /** Puts the pair into the secret: from now on it is what signs. */
  signWith(pair: SigningKeyPair): Promise<void>;
  /** Every role that was assumed, with its session policy. */
  readonly assumedRoles: readonly AssumedRole[];
  /** Ends all of it; resolves when no process and no port is left. */
  close(): Promise<void>;
}

export const OIDC_AUDIENCE = 'https://api.edgeboot.test';
const DISTRIBUTION_HOST = 'd1.edgeboot.test';
/** Round trips about as they are from the west of Japan. */
const LOCATIONS = [
  { code: 'NRT', address: '127.81.1.1', latencyMs: 8 },
  { code: 'SIN', address: '127.65.1.1', latencyMs: 70 },
  { code: 'SFO', address: '127.10.1.1', latencyMs: 110 },
];

/**
 * Starts all of it; takes a few seconds. What has started is closed again when a part fails.
 * @throws EdgebootError SERVICE_UNAVAILABLE, INVALID_CONFIG (serverless.yml), PREREQUISITE_MISSING
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(options: CloudOptions, closers: Closers): Promise<Cloud> {
  const { log, members } = options;
  const [aws, issuer] = await Promise.all([
    options.services ?? startAwsServices(log, closers),
    closers.keep(startOidcIssuer({ members, audience: OIDC_AUDIENCE })),
  ]);
  const lambdaPort = await freePort();
  /** Nobody calls before the functions run. */
  let guard: CallWatcher = () => undefined;
  const { endpoints, lambda } = await guardedEndpoints(
    { endpoints: aws.endpoints, lambda: lambdaEndpoint(lambdaPort) },
    async (call) => (await options.watchCalls?.(call)) ?? guard(call),
    closers,
  );
  const ownIssuer = { issuer: issuer.issuerUrl, jwksUrl: `${issuer.issuerUrl}/jwks`, audience: issuer.audience };
  const believed = options.otherIssuer ?? ownIssuer;
  // Functions and distribution need each other's names: the port is what the distribution's is made of.
  const { host = DISTRIBUTION_HOST, port = await freePort() } = options.distribution ?? {};
  const environment = {
    ...awsEnvironment(endpoints),
    AWS_ENDPOINT_URL_LAMBDA: lambda,
    OIDC_ISSUER: believed.issuer,
    OIDC_JWKS_URL: believed.jwksUrl,
    OIDC_AUDIENCE: believed.audience,
    OIDC_GROUPS_CLAIM: 'groups',
    DISTRIBUTION_URL: `http://${host}:${port}`,
    ROOT_PUBLIC_KEY_BASE64: Buffer.from(options.rootPublicKeyPem).toString('base64'),
  };
  const service = await readService(environment);
  guard = guardByRoles(service.definition, aws.assumedRoles);
  const resources = service.definition.resources.Resources;
  const names = namesIn(resources);
  const keyGroup: SigningKeyPair[] = [];
  const addSigningKey = async () => {
    const pair = await createSigningKeyPair();
    keyGroup.push(pair);
    return pair;
  };
  const signWith = (pair: SigningKeyPair) => putSigningKey(pair, names.signingKeySecret, aws.endpoints);
  const [api, distribution] = await Promise.all([
    closers.keep(startApi({ service, lambdaPort, log })),
    closers.keep(
      startDistribution({
        locations: LOCATIONS,
        ...options.distribution,
        ...{ host, port },
        originBaseUrl: `${aws.endpoints.s3}/${names.bucket}`,
        keyGroup: () => keyGroup,
      }),
    ),
    // A queue's URL names the address that it was made at, and the SDK calls it there.
    makeResources(resources, { ...aws.endpoints, sqs: endpoints.sqs })
      .then(addSigningKey)
      .then(signWith),
  ]);
  return {
    apiUrl: api.apiUrl,
    definition: service.definition,
    lambdaEndpoint: api.lambdaEndpoint,
    issuer,
    distribution,
    endpoints: aws.endpoints,
    environment,
    names,
    keyGroup,
    addSigningKey,
    signWith,
    assumedRoles: aws.assumedRoles,
    close: () => closers.close(),
  };
}

interface Endpoints {
  readonly endpoints: AwsEndpoints;
  readonly lambda: string;
}

/** One address before all of them, where each call is looked at. */
async function guardedEndpoints(direct: Endpoints, watch: CallWatcher, closers: Closers): Promise<Endpoints> {
  const { dynamoDb, cloudWatchLogs, secretsManager, ...sameNames } = direct.endpoints;
  const byService = { ...sameNames, dynamodb: dynamoDb, logs: cloudWatchLogs, secretsmanager: secretsManager };
  const { url } = await closers.keep(startCallWatch({ ...byService, lambda: direct.lambda }, watch));
  const all = { dynamoDb: url, sqs: url, s3: url, secretsManager: url, sts: url, cloudWatchLogs: url };
  return { endpoints: all, lambda: url };
}

function namesIn(resources: StackResources): Cloud['names'] {
  return {
    bucket: nameOf(resources, 'ImageBucket', 'BucketName'),
    table: nameOf(resources, 'Table', 'TableName'),
    signingKeySecret: nameOf(resources, 'SigningKey', 'Name'),
  };
}

async function makeResources(resources: StackResources, endpoints: AwsEndpoints): Promise<void> {
  const clients = awsClients(endpoints);
  try {
    await createStackResources(resources, clients);
  } finally {
    clients.destroy();
  }
}

/** As the mint function reads it. */
async function putSigningKey(pair: SigningKeyPair, SecretId: string, endpoints: AwsEndpoints): Promise<void> {
  const { keyPairId, privateKeyPem } = pair;
  const clients = awsClients(endpoints);
  try {
    await clients.secretsManager.send(
      new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify({ keyPairId, privateKeyPem }) }),
    );
  } finally {
    clients.destroy();
  }
}
