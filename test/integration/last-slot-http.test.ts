/**
 * The last cluster of a quota, over sockets: requests to a running API, functions and all, as many at once as it can take here. Who is told to come again later does
 * so when they were told. With a thousand requests to the store itself: test/contract/last-slot.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '#shared/api-client.ts';
import { deploymentListResponse } from '#shared/api/deployments.ts';
import { registerSiteResponse, siteAccessResponse } from '#shared/api/sites.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { Agent, request } from 'undici';
import * as z from 'zod';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import type { AwsCall } from '../../local/aws/calls.ts';
import { awsClients } from '../../local/aws/services.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { sampleImage, sampleImageVersion, SSH_KEY } from '../helpers/model-samples.ts';

const REQUESTS = 120;
/** The embedded API has a thread for each that is under way: more of them would be about memory, and not about the quota. */
const AT_ONCE = 12;
/** So many see that there is room before the first of them takes it. */
const TOGETHER = 6;
const OLGA = { id: 'olga', groups: ['federation-operators', 'members'] };
const ALICE = { id: 'alice', groups: ['members'] };
const SITE = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'] };
const answerSchema = z.object({ code: z.string().optional() });

void suite('the last cluster of a quota, over HTTP', { timeout: 300_000 }, () => {
  const undo = new AsyncDisposableStack();
  let cloud: Cloud;
  let token: string;
  let imageName: string;

  before(async () => {
    const { publicKeyPem: rootPublicKeyPem } = newKeyPair();
    const started = startCloud({ members: [OLGA, ALICE], rootPublicKeyPem, log: () => undefined, watchCalls });
    cloud = undo.adopt(await started, (one) => one.close());
    token = await cloud.issuer.issueToken('alice');
    imageName = await addImage();
    const olga = clientOf(await cloud.issuer.issueToken('olga'));
    await olga.call({ method: 'POST', path: '/v1/sites', body: SITE, answer: registerSiteResponse });
    const grants = [{ groups: ['members'], images: 'all', quota: { maxClusters: 1 } }];
    const body = { version: 1, grants, vetoes: { members: [], images: [] } };
    await olga.call({ method: 'PUT', path: '/v1/sites/naist/grants', body, answer: siteAccessResponse });
  });
  after(() => undo.disposeAsync());

  const clientOf = (bearer: string) =>
    undo.adopt(new ApiClient(cloud.apiUrl, () => Promise.resolve(`Bearer ${bearer}`)), (client) => client.close());

  /** They are let go when so many are about to take it. */
  let waiting = 0;
  const allAreThere = Promise.withResolvers<undefined>();
  const watchCalls = async ({ caller, action }: AwsCall): Promise<undefined> => {
    if (caller !== 'requestDeployment' || action !== 'dynamodb:PutItem') return;
    if (++waiting === TOGETHER) allAreThere.resolve(undefined);
    await allAreThere.promise;
  };

  /** A version that has rows, and no objects: nobody fetches it here. */
  async function addImage(): Promise<string> {
    const aws = undo.adopt(awsClients(cloud.endpoints), (clients) => clients.destroy());
    const images = new DynamoDbImageStore(new Table(cloud.names.table, aws.dynamoDb));
    const image = await images.findOrCreate(sampleImage({ ownerId: 'alice' }), []);
    await images.addVersion(sampleImageVersion(image), []);
    return image.imageName;
  }

  /** One wish, however often it has to be sent. Answers the code; without one, the status. */
  async function create(dispatcher: Agent): Promise<string> {
    const wish = { 'content-type': 'application/json', 'idempotency-key': ulid() };
    const headers = { ...wish, authorization: `Bearer ${token}` };
    const body = JSON.stringify({ imageName, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY] });
    for (;;) {
      const answer = await request(`${cloud.apiUrl}/v1/deployments`, { method: 'POST', dispatcher, headers, body });
      const { code = `status ${answer.statusCode}` } = answerSchema.parse(await answer.body.json());
      // A function that ran out of its time has no answer: whoever gets none asks again, by the same key.
      if (code === 'status 200') continue;
      if (code !== 'THROTTLED') return code;
      await delay(Number(answer.headers['retry-after']) * 1000);
    }
  }

  test(`of ${REQUESTS} creates, ${AT_ONCE} at once, exactly one is accepted; each other one is told QUOTA_EXCEEDED`, async () => {
    const dispatcher = new Agent({ connections: AT_ONCE, headersTimeout: 0, bodyTimeout: 0 });
    undo.defer(() => dispatcher.destroy());
    const codes = await Promise.all(Array.from({ length: REQUESTS }, () => create(dispatcher)));
    const count = Object.fromEntries([...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]));
    assert.deepEqual(count, { 'status 202': 1, QUOTA_EXCEEDED: REQUESTS - 1 });
    const alice = clientOf(token);
    const list = await alice.call({ method: 'GET', path: '/v1/deployments', answer: deploymentListResponse });
    assert.equal(list.deployments.length, 1);
  });
});
