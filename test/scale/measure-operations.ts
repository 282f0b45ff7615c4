/** The life of one deployment, step by step, at the embedded cloud: what each step asks of AWS is counted as it is asked. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { signAgentToken } from '#shared/agent-token.ts';
import { ApiClient } from '#shared/api-client.ts';
import { reportsResponse, sessionResponse } from '#shared/api/agents.ts';
import { newKeyPair } from '#shared/keys.ts';
import * as z from 'zod';
import { createSqsJobQueue } from '../../edge-agent/adapters/sqs-job-queue.ts';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { LOCAL_REGION } from '../../local/aws/account.ts';
import type { AwsCall } from '../../local/aws/calls.ts';
import { awsClients, startAwsServices } from '../../local/aws/services.ts';
import { Closers } from '../../local/closers.ts';
import { type Cloud, OIDC_AUDIENCE, startCloud } from '../../local/cloud.ts';
import { sampleImage, sampleImageVersion, SSH_KEY } from '../helpers/model-samples.ts';
import { type Consumed, startCapacityMeter } from './capacity-meter.ts';
import { type Measured, type Operations, operations, type Step, sumOf } from './operations.ts';
import { accessOfSite, heartbeatOfSite } from './site-samples.ts';

const SITE = 'naist';
const SWEEP = 'sweep';
const NOW_AND_THEN = { bytesFetched: 1, bytesTotal: 2, partsFetched: 0, partsTotal: 1 };
const anything = z.unknown();
const MEMBERS = [
  { id: 'olga', groups: ['federation-operators'] },
  { id: 'alice', groups: ['members'] },
];

/** Takes some seconds. Throws where a step fails. */
export async function measureOperations(): Promise<Measured> {
  await using undo = new AsyncDisposableStack();
  const agentKeys = newKeyPair();
  const calls: AwsCall[] = [];
  const consumed: Consumed[] = [];
  const cloud = await startMeteredCloud(undo, calls, consumed);
  let requests = 0;
  const client = (authorize: ConstructorParameters<typeof ApiClient>[1]) => {
    const api = new ApiClient(cloud.apiUrl, (...request) => {
      requests++;
      return authorize(...request);
    });
    undo.defer(() => api.close());
    return api;
  };
  const member = (id: string) => client(async () => `Bearer ${await cloud.issuer.issueToken(id)}`);
  const [olga, alice] = [member('olga'), member('alice')];
  const agent = client(
    async (method, path, body) =>
      `Bearer ${await signAgentToken(SITE, agentKeys.privateKeyPem, OIDC_AUDIENCE, { method, path }, body)}`,
  );

  const steps = new Map<Step, Operations>();
  const count = async <T>(step: Step, run: () => Promise<T>): Promise<T> => {
    const before = [calls.length, consumed.length, requests] as const;
    const result = await run();
    // The sweep is the clock's, which comes whenever it comes.
    const isOfStep = ({ caller }: { readonly caller: string }) => (caller === SWEEP) === (step === 'the sweep');
    const [seen, billed] = [calls.slice(before[0]).filter(isOfStep), consumed.slice(before[1]).filter(isOfStep)];
    steps.set(step, sumOf(seen, billed, requests - before[2]));
    return result;
  };

  const clients = awsClients(cloud.endpoints);
  undo.defer(() => clients.destroy());
  const images = new DynamoDbImageStore(new Table(cloud.names.table, clients.dynamoDb));
  const image = await images.findOrCreate(sampleImage(), []);
  await images.addVersion(sampleImageVersion(image), []);
  const registration = { siteId: SITE, displayName: 'Nara, second floor', deployerGroups: ['members'] };
  const { enrollmentToken: token } = await olga.call({
    ...{ method: 'POST', path: '/v1/sites', body: registration, answer: z.object({ enrollmentToken: z.string() }) },
  });
  const enrollment = { token, publicKeyPem: agentKeys.publicKeyPem };
  await olga.call({ method: 'POST', path: '/v1/enrollments', body: enrollment, answer: anything });
  const atSite = `/v1/sites/${SITE}`;
  await olga.call({ method: 'PUT', path: `${atSite}/grants`, body: accessOfSite(1), answer: anything });
  const heartbeat = heartbeatOfSite();
  const beat = () => agent.call({ method: 'POST', path: `${atSite}/heartbeat`, body: heartbeat, answer: anything });
  const openSession = () => agent.call({ method: 'POST', path: `${atSite}/session`, answer: sessionResponse });
  const wish = { imageName: image.imageName, siteId: SITE, computes: 2, sshPublicKeys: [SSH_KEY] };
  const request = () =>
    alice.call({
      ...{ method: 'POST', path: '/v1/deployments', body: wish },
      answer: z.object({ deployment: z.object({ deploymentId: z.string() }) }),
    });
  // The first of a day makes the trail's stream, and a first call reads keys: that is not what each one costs.
  await beat();
  await openSession();
  await request();

  await count('a site: heartbeat', beat);
  const session = await count('a site: session', openSession);
  const queue = await createSqsJobQueue(() => Promise.resolve(session));
  const receive = () => queue.receive(1, AbortSignal.timeout(20_000));
  const [first] = await receive();
  if (first) await queue.delete(first);
  const { deploymentId } = (await count('request a cluster', request)).deployment;
  const [message] = await count('take the message', receive);
  if (message === undefined) throw new Error('the queue has no message');
  const own = `/v1/deployments/${deploymentId}`;
  const job = `${atSite}${own.slice('/v1'.length)}`;
  let sequence = Date.now();
  const report = async (said: object) => {
    sequence += 1;
    const body = { reports: [{ deploymentId, report: { sequence, agentId: 'a', ...said } }] };
    const { results } = await agent.call({ method: 'POST', path: `${atSite}/reports`, body, answer: reportsResponse });
    if (results[0]?.refused) throw new Error(`a report was refused: ${results[0].refused.detail}`);
  };
  await count('read the job', () => agent.call({ method: 'GET', path: job, answer: anything }));
  await report({ generation: 1, phase: 'FETCHING' });
  const reportProgress = () => report({ generation: 1, phase: 'FETCHING', progress: NOW_AND_THEN });
  await reportProgress();
  await count('report progress', reportProgress);
  await count('renew the grant', () => agent.call({ method: 'POST', path: `${job}/grant`, answer: anything }));
  await count('report a phase', () => report({ generation: 1, phase: 'PERSONALIZING' }));
  await report({ generation: 1, phase: 'BOOTING' });
  await count('keep the message', () => queue.extend(message, 60));
  const timeline = {
    ...{ messageReceivedAt: new Date().toISOString(), steps: [], bytesFetched: 2, partsFetched: 1 },
    ...{ edgeLocations: ['NRT57-C1'], cacheHits: 1, cacheMisses: 0, acceleration: 'kvm' },
  };
  await count('report that it runs', () => report({ generation: 1, phase: 'RUNNING', timeline }));
  await count('delete the message', () => queue.delete(message));
  await count('the member looks', () => alice.call({ method: 'GET', path: own, answer: anything }));
  await count('the member reads its history', () =>
    alice.call({ method: 'GET', path: `${own}/events`, query: { after: '1' }, answer: anything }),
  );
  await count('destroy', () => alice.call({ method: 'DELETE', path: own, answer: anything }));
  await report({ generation: 2, phase: 'DESTROYING' });
  await count('report that it is gone', () => report({ generation: 2, phase: 'TERMINATED' }));
  steps.set('a site: poll of its queue', operations({ queueRequests: 1 }));
  const sweep = await count('the sweep', () => invokeSweep(cloud));
  if (sweep.FunctionError !== undefined) throw new Error(`the sweep failed: ${sweep.FunctionError}`);
  return steps;
}

/** Its calls, and what they consume of the table, are told as they come. */
async function startMeteredCloud(undo: AsyncDisposableStack, calls: AwsCall[], consumed: Consumed[]): Promise<Cloud> {
  const log = () => undefined;
  const closers = new Closers();
  undo.defer(() => closers.close());
  const services = await startAwsServices(log, closers);
  const meter = await closers.keep(startCapacityMeter(services.endpoints.dynamoDb, (one) => void consumed.push(one)));
  const cloud = await startCloud({
    ...{ members: MEMBERS, rootPublicKeyPem: newKeyPair().publicKeyPem, log },
    services: { ...services, endpoints: { ...services.endpoints, dynamoDb: meter.url } },
    watchCalls: (call) => {
      calls.push(call);
      return undefined;
    },
  });
  undo.defer(() => cloud.close());
  return cloud;
}

async function invokeSweep(cloud: Cloud) {
  const lambda = new LambdaClient({
    ...{ endpoint: cloud.lambdaEndpoint, region: LOCAL_REGION },
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
  });
  try {
    return await lambda.send(new InvokeCommand({ FunctionName: 'edgeboot-local-sweep' }));
  } finally {
    lambda.destroy();
  }
}
