/**
 * The signing key is changed as docs/operations.md says ("Changing the signing key"), in the order of its steps, while an agent's transfer
 * is under way: the control plane's own functions mint, the agent's own engine fetches.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { ApiClient } from '#shared/api-client.ts';
import { deploymentResponse } from '#shared/api/deployments.ts';
import type { Grant } from '#shared/grant.ts';
import { imageObjectKey, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { newKeyPair } from '#shared/keys.ts';
import { parseSiteMessage } from '#shared/messages.ts';
import { ulid } from 'ulid';
import * as z from 'zod';
import { createFederationApi } from '../../edge-agent/adapters/http-federation-api.ts';
import { createSqsJobQueue } from '../../edge-agent/adapters/sqs-job-queue.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { createCloudFrontSource } from '../../edge-agent/repositories/cloudfront.ts';
import { GrantHolder } from '../../edge-agent/repositories/grant-holder.ts';
import { openCloudFront } from '../../edge-agent/repositories/open-cloudfront.ts';
import { DynamoDbImageStore } from '../../functions/adapters/dynamodb-image-store.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { awsClients } from '../../local/aws/services.ts';
import { type Cloud, OIDC_AUDIENCE, startCloud } from '../../local/cloud.ts';
import type { RequestRecord } from '../../local/distribution/edge-location.ts';
import { flowOf } from '../helpers/flow.ts';
import { makeImageCache } from '../helpers/image-cache.ts';
import { sampleImage, sampleImageVersion, SSH_KEY } from '../helpers/model-samples.ts';
import { createSampleDisk, SAMPLE_IMAGE_ID, SAMPLE_LABEL, type SampleDisk } from '../helpers/sample-disk.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';
import { Turnstile } from '../helpers/turnstile.ts';

const SITE = 'naist';
const MEMBERS = [
  { id: 'olga', groups: ['federation-operators'] },
  { id: 'alice', groups: ['members'] },
];
const PARTS = 12;
const CONNECTIONS = 2;
const keyOf = ({ signedQuery }: Grant) => new URLSearchParams(signedQuery).get('Key-Pair-Id');

test('the signing key is changed while an agent fetches: the transfer renews, once, and ends whole', async (t) => {
  await using undo = new AsyncDisposableStack();
  const { signal } = t;
  const folder = undo.use(await createTemporaryFolder()).path;
  const pieces = Array.from({ length: PARTS }, (_, part) => {
    return { offsetBytes: part * PART_SIZE_BYTES, lengthBytes: 50_000, content: 'noise' } as const;
  });
  const sample = await createSampleDisk(folder, PARTS * PART_SIZE_BYTES, pieces);

  const parts = new Turnstile();
  const records: RequestRecord[] = [];
  const cloud = undo.adopt(
    await startCloud({
      ...{ members: MEMBERS, rootPublicKeyPem: newKeyPair().publicKeyPem, log: () => undefined },
      distribution: {
        locations: [{ code: 'NRT', address: '127.81.1.1' }],
        onRequest: (record) => void records.push(record),
        // What the edge has let in waits here before it is delivered.
        intercept: async ({ path }, answer) => {
          if (path.includes('/parts/') && answer.status < 400) await parts.pass();
          return answer;
        },
      },
    }),
    (running) => running.close(),
  );
  await publish(cloud, sample);
  const { renewGrant, grant } = await beginDeployment(cloud, undo, signal);
  const [keyA] = cloud.keyGroup;
  assert.equal(keyOf(grant), keyA?.keyPairId);

  const renewals: Grant[] = [];
  const grants = new GrantHolder(grant, async () => {
    const fresh = await renewGrant();
    renewals.push(fresh);
    return fresh;
  });
  const resolvers = cloud.distribution.resolvers.map(({ server }) => server);
  const opening = { grants, resolvers, connections: CONNECTIONS, choice: 'nearest', signal } as const;
  const source = undo.adopt(await openCloudFront(opening), (opened) => opened.close());
  const images = new BaseImages({ cache: makeImageCache(join(folder, 'cache')), unpackThreads: 1 });
  const wanted = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal };
  const { image } = undo.adopt(await images.open(wanted), (opened) => opened.close());
  const transfer = image.fetchAll({ flow: flowOf(CONNECTIONS), signal });
  // Where something fails before it is awaited, it comes to rest all the same.
  undo.defer(async () => {
    parts.open();
    await transfer.catch(() => undefined);
  });
  await parts.held(CONNECTIONS);
  // To measure how far it is, an edge is asked without a signature.
  assert.ok(refusalsOf(records.splice(0)).every((code) => code === 'MissingKey'));

  const address = cloud.distribution.locations[0]?.address;
  /** The frame index, with this grant alone: no renewal, no second try. */
  const readWith = async (used: Grant): Promise<Buffer> => {
    const edge = createCloudFrontSource({ currentGrant: () => used, address, connections: 1 });
    try {
      const path = imageObjectKey(SAMPLE_IMAGE_ID, 'indexes', sample.disk.index.sha256);
      const sizeBytes = sample.indexBytes.length;
      return Buffer.from((await edge.fetch({ path, sizeBytes }, signal)).bytes);
    } finally {
      await edge.close();
    }
  };

  // 1. A second pair, beside the first: both are trusted.
  const keyB = await cloud.addSigningKey();
  assert.equal(cloud.keyGroup.length, 2);
  assert.equal(keyOf(await renewGrant()), keyA?.keyPairId, 'it is not what signs yet');

  // 2. The new pair into the secret: what is minted is signed by it from now on, and what was signed before still works.
  await cloud.signWith(keyB);
  const fresh = await renewGrant();
  assert.equal(keyOf(fresh), keyB.keyPairId);
  for (const used of [grant, fresh]) assert.deepEqual(await readWith(used), sample.indexBytes);
  parts.letThrough();
  await parts.held(CONNECTIONS);
  assert.deepEqual([renewals.length, refusalsOf(records)], [0, []], 'the transfer goes on with what it has');

  // 3. is to wait, so that nobody is refused. Here nobody waits, as after a leak.
  // 4. The first pair goes: what it has signed is refused, and said to be worth a renewal.
  cloud.keyGroup.shift();
  await assert.rejects(readWith(grant), { code: 'SIGNING_KEY_ROTATED', disposition: 'renew' });
  assert.deepEqual(refusalsOf(records.splice(0)), ['InvalidKey']);
  assert.deepEqual(await readWith(fresh), sample.indexBytes);
  parts.open();

  const report = await transfer;
  assert.deepEqual(renewals.map(keyOf), [keyB.keyPairId], 'one renewal, for all connections');
  assert.equal(keyOf(grants.current()), keyB.keyPairId);
  const refusals = refusalsOf(records);
  assert.ok(refusals.length >= 1 && refusals.length <= CONNECTIONS, refusals.join());
  assert.ok(refusals.every((code) => code === 'InvalidKey'));
  assert.deepEqual([report.fetchedObjects, report.fetchedBytes], [sample.parts.length, report.totalBytes]);
  assert.ok((await readFile(image.file)).equals(await readFile(sample.rawFile)), 'byte for byte');
});

const refusalsOf = (records: readonly RequestRecord[]) => records.flatMap(({ refusal }) => refusal ?? []);

/** As publishing leaves it: the objects in the bucket, the rows in the table. */
async function publish({ endpoints, names }: Cloud, sample: SampleDisk): Promise<void> {
  const clients = awsClients(endpoints);
  try {
    for (const [Key, Body] of sample.objects) {
      await clients.s3.send(new PutObjectCommand({ Bucket: names.bucket, Key, Body }));
    }
    const images = new DynamoDbImageStore(new Table(names.table, clients.dynamoDb));
    const image = await images.findOrCreate(sampleImage({ imageId: SAMPLE_IMAGE_ID }), []);
    await images.addVersion(sampleImageVersion(image), []);
  } finally {
    clients.destroy();
  }
}

/** A site with its agent's key, and a deployment that is on its way there: with the URLs that its message brings. */
async function beginDeployment(cloud: Cloud, undo: AsyncDisposableStack, signal: AbortSignal) {
  const keys = newKeyPair();
  const member = (id: string) => {
    const client = new ApiClient(cloud.apiUrl, async () => `Bearer ${await cloud.issuer.issueToken(id)}`);
    undo.defer(() => client.close());
    return client;
  };
  const [olga, alice] = [member('olga'), member('alice')];
  const { enrollmentToken: token } = await olga.call({
    ...{ method: 'POST', path: '/v1/sites', body: { siteId: SITE, displayName: 'Nara', deployerGroups: ['members'] } },
    answer: z.object({ enrollmentToken: z.string() }),
  });
  const enrollment = { token, publicKeyPem: keys.publicKeyPem };
  await olga.call({ method: 'POST', path: '/v1/enrollments', body: enrollment, answer: z.unknown() });
  const identity = { siteId: SITE, agentId: ulid(), audience: OIDC_AUDIENCE, rootPublicKeyPem: '' };
  const api = createFederationApi(cloud.apiUrl, { ...identity, privateKeyPem: keys.privateKeyPem });
  const body = { imageName: 'hpc-base', siteId: SITE, computes: 0, sshPublicKeys: [SSH_KEY] };
  const { deployment } = await alice.call({
    method: 'POST',
    path: '/v1/deployments',
    body,
    answer: deploymentResponse,
  });
  const queue = await createSqsJobQueue(() => api.openSession());
  const [message] = await queue.receive(1, signal);
  const { grant } = parseSiteMessage(message?.body ?? '');
  assert.ok(grant);
  return { grant, renewGrant: () => api.renewGrant(deployment.deploymentId, signal) };
}
