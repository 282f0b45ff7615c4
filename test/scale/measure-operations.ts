/** The life of one deployment, step by step, at the embedded cloud: what each step asks of AWS is counted as it is asked. */
import { signAgentToken } from '#shared/agent-token.ts';
import { ApiClient } from '#shared/api-client.ts';
import { newKeyPair } from '#shared/keys.ts';
import * as z from 'zod';
import { createSqsJobQueue } from '../../edge-agent/adapters/sqs-job-queue.ts';
import { sessionResponse } from '#shared/api/agents.ts';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import type { AwsCall } from '../../local/aws/calls.ts';
import { awsClients } from '../../local/aws/services.ts';
import { OIDC_AUDIENCE, startCloud } from '../../local/cloud.ts';
import { sampleImage, sampleImageVersion, SSH_KEY } from '../helpers/model-samples.ts';

export interface Operations {
  readonly apiRequests: number;
  /** The authorizer, the function, and whom it invokes. */
  readonly invocations: number;
  /** Items, in a transaction or not. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly queueRequests: number;
  readonly auditRecords: number;
}

/** By name, in the order of a deployment's life. */
export type Step =
  | 'a site: heartbeat'
  | 'a site: session'
  | 'a site: poll of its queue'
  | 'request a cluster'
  | 'take the message'
  | 'keep the message'
  | 'read the job'
  | 'report a phase'
  | 'report progress'
  | 'renew the grant'
  | 'report that it runs'
  | 'delete the message'
  | 'the member looks'
  | 'the member reads its history'
  | 'destroy'
  | 'report that it is gone';

const SITE = 'naist';
const NOW_AND_THEN = { bytesFetched: 1, bytesTotal: 2, partsFetched: 0, partsTotal: 1 };
const anything = z.unknown();

/** Takes some seconds. Throws where a step fails. */
export async function measureOperations(): Promise<ReadonlyMap<Step, Operations>> {
  await using undo = new AsyncDisposableStack();
  const agentKeys = newKeyPair();
  const calls: AwsCall[] = [];
  const members = [
    { id: 'olga', groups: ['federation-operators'] },
    { id: 'alice', groups: ['members'] },
  ];
  const cloud = await startCloud({
    ...{ members, rootPublicKeyPem: newKeyPair().publicKeyPem, log: () => undefined },
    watchCalls: (call) => {
      // The clock's, whenever it comes.
      if (call.caller !== 'sweep') calls.push(call);
      return undefined;
    },
  });
  undo.defer(() => cloud.close());
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
    const [before, requestsBefore] = [calls.length, requests];
    const result = await run();
    if (!steps.has(step)) steps.set(step, sumOf(calls.slice(before), requests - requestsBefore));
    return result;
  };

  const clients = awsClients(cloud.endpoints);
  undo.defer(() => clients.destroy());
  const images = new DynamoDbImageStore(new Table(cloud.names.table, clients.dynamoDb));
  const image = await images.findOrCreate(sampleImage(), []);
  await images.addVersion(sampleImageVersion(image), []);
  const registration = { siteId: SITE, displayName: SITE, deployerGroups: ['members'] };
  const { enrollmentToken: token } = await olga.call({
    ...{ method: 'POST', path: '/v1/sites', body: registration, answer: z.object({ enrollmentToken: z.string() }) },
  });
  const enrollment = { token, publicKeyPem: agentKeys.publicKeyPem };
  await olga.call({ method: 'POST', path: '/v1/enrollments', body: enrollment, answer: anything });
  const atSite = `/v1/sites/${SITE}`;
  const heartbeat = { free: { cpus: 8, memoryMiB: 8192, publicAddresses: 8 }, agentVersion: '1.0.0', cached: [] };
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
  const report = (body: object) =>
    agent.call({ method: 'POST', path: `${job}/reports`, body: { agentId: 'a', ...body }, answer: anything });
  await count('read the job', () => agent.call({ method: 'GET', path: job, answer: anything }));
  await report({ generation: 1, phase: 'FETCHING' });
  await count('report progress', () => report({ generation: 1, phase: 'FETCHING', progress: NOW_AND_THEN }));
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
  steps.set('a site: poll of its queue', { ...sumOf([], 0), queueRequests: 1 });
  return steps;
}

function sumOf(calls: readonly AwsCall[], apiRequests: number): Operations {
  const having = (pattern: RegExp): number => calls.filter(({ action }) => pattern.test(action)).length;
  return {
    apiRequests,
    invocations: 2 * apiRequests + having(/^lambda:InvokeFunction$/),
    rowsRead: having(/^dynamodb:(?:GetItem|Query|ConditionCheckItem)$/),
    rowsWritten: having(/^dynamodb:(?:PutItem|UpdateItem|DeleteItem)$/),
    queueRequests: having(/^sqs:/),
    auditRecords: having(/^logs:PutLogEvents$/),
  };
}
