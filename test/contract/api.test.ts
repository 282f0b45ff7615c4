/**
 * The API as it describes itself, over sockets: every operation once with success and once for each of its codes. An answer that
 * the description does not have fails, and so does an operation or a code that nothing here brought about.
 */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { signAgentToken } from '#shared/agent-token.ts';
import type { Manifest } from '#shared/image/manifest.ts';
import { issueCertificate } from '#shared/image/publisher-certificate.ts';
import { signManifest } from '#shared/image/signed-manifest.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { DynamoDbRateLimiter } from '../../functions/adapters/dynamodb-rate-limiter.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { FAULTS } from '../../functions/openapi/error-codes.ts';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { operations } from '../../functions/openapi/operations.ts';
import { awsClients } from '../../local/aws/services.ts';
import { type Cloud, OIDC_AUDIENCE, startCloud } from '../../local/cloud.ts';
import { ApiContract, type Authorize, type Call } from '../helpers/api-contract.ts';
import { SSH_KEY } from '../helpers/model-samples.ts';

const MEMBERS = [
  { id: 'olga', groups: ['federation-operators'] },
  { id: 'alice', groups: ['publishers', 'members'] },
  { id: 'mallory', groups: [] },
];
const IMAGE_NAME = 'tiny';
const DISK_BYTES = 4096;
const NEVER_MADE = ulid();
/** Good for every path; but for the site there is nothing of the kind. */
const NOTHING_THERE = {
  ...{ siteId: 'naist', imageName: 'none' },
  ...{ imageId: NEVER_MADE, deploymentId: NEVER_MADE, warmingId: NEVER_MADE },
};

/** Their CONFLICT is for writers that meet at each of several attempts: test/unit/control-plane-races.test.ts. */
const CONFLICT_IN_RACES_ONLY = [
  'POST /v1/deployments',
  'POST /v1/warmings',
  'DELETE /v1/deployments/{deploymentId}',
  'POST /v1/images',
  'POST /v1/publishers',
  'POST /v1/sites',
  'POST /v1/enrollments',
  'POST /v1/sites/{siteId}/heartbeat',
  'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant',
  'POST /v1/sites/{siteId}/warmings/{warmingId}/grant',
  'POST /v1/sites/{siteId}/warmings/{warmingId}/reports',
];

void suite('the API is as it describes itself', { timeout: 180_000 }, () => {
  const [root, publisher] = [newKeyPair(), newKeyPair()];
  const agents = { naist: newKeyPair(), ucsd: newKeyPair() };
  let cloud: Cloud;
  let api: ApiContract;
  before(async () => {
    cloud = await startCloud({ members: MEMBERS, rootPublicKeyPem: root.publicKeyPem, log: () => undefined });
    const description = await fetch(`${cloud.apiUrl}/v1/openapi.json`);
    api = new ApiContract(cloud.apiUrl, await description.json());
  });
  after(() => cloud.close());

  const nobody: Authorize = () => Promise.resolve(undefined);
  const member = (id: string) => async () => `Bearer ${await cloud.issuer.issueToken(id)}`;
  const [olga, alice, mallory] = [member('olga'), member('alice'), member('mallory')];
  const agentOf =
    (siteId: keyof typeof agents): Authorize =>
    async (method, path, body) =>
      `Bearer ${await signAgentToken(siteId, agents[siteId].privateKeyPem, OIDC_AUDIENCE, { method, path }, body)}`;
  const naist = agentOf('naist');
  const caller = { anyone: nobody, member: alice, agent: naist };
  const certificateOf = (memberId: string, notAfter: string) =>
    issueCertificate({ memberId, publicKeyPem: publisher.publicKeyPem, notAfter }, root.privateKeyPem).toString();

  void test('about itself', async () => {
    const { resource } = await api.succeed<{ resource: string }>('GET /.well-known/oauth-protected-resource', {
      as: nobody,
    });
    assert.equal(resource, OIDC_AUDIENCE);
    const description = await api.succeed('GET /v1/openapi.json', { as: nobody });
    assert.deepEqual(description, JSON.parse(JSON.stringify(openApiDocument(cloud.issuer.issuerUrl))));
  });

  void test('sites and their agents', async () => {
    for (const [siteId, group] of [
      ['naist', 'members'],
      ['ucsd', 'ucsd-only'],
    ] as const) {
      const body = { siteId, displayName: siteId, deployerGroups: [group] };
      const { enrollmentToken: token } = await api.succeed<{ enrollmentToken: string }>('POST /v1/sites', {
        as: olga,
        body,
      });
      const enrollment = { token, publicKeyPem: agents[siteId].publicKeyPem };
      await api.succeed('POST /v1/enrollments', { as: nobody, body: enrollment });
      await api.refuse('FORBIDDEN', 'POST /v1/enrollments', { as: nobody, body: enrollment });
      await api.refuse('FORBIDDEN', 'POST /v1/sites', { as: mallory, body });
    }
    const path = { siteId: 'naist' };
    const body = { free: { cpus: 4, memoryMiB: 4096, publicAddresses: 2 }, agentVersion: '1.0.0' };
    await api.succeed('POST /v1/sites/{siteId}/heartbeat', { as: naist, path, body });
    await api.refuse('NOT_FOUND', 'POST /v1/sites/{siteId}/heartbeat', { as: naist, path: { siteId: 'NAIST' }, body });
    await api.succeed('POST /v1/sites/{siteId}/session', { as: naist, path });
    const { sites } = await api.succeed<{ sites: { lastSeen?: string }[] }>('GET /v1/sites', { as: mallory });
    assert.equal(sites.filter(({ lastSeen }) => lastSeen !== undefined).length, 1);
  });

  void test('publishing', async () => {
    const { imageId } = await api.succeed<{ imageId: string }>('POST /v1/images', {
      as: alice,
      body: { imageName: IMAGE_NAME },
    });
    await api.refuse('FORBIDDEN', 'POST /v1/images', { as: mallory, body: { imageName: IMAGE_NAME } });
    const path = { imageId };
    const [index, part] = [Buffer.from('index'), Buffer.from('part')];
    const [manifest, stranger] = [publisher, newKeyPair()].map(({ privateKeyPem }) =>
      signManifest(manifestOf(imageId, index, part), privateKeyPem),
    );
    assert.ok(manifest && stranger);
    await upload(imageId, [
      ['manifests', manifest],
      ['manifests', stranger],
      ['indexes', index],
      ['parts', part],
    ]);
    const objects = [objectOf('parts', part)];
    await api.refuse('FORBIDDEN', 'POST /v1/images/{imageId}/uploads', { as: mallory, path, body: { objects } });
    await api.refuse('NOT_FOUND', 'POST /v1/images/{imageId}/uploads', {
      ...{ as: alice, path: { imageId: NEVER_MADE }, body: { objects } },
    });

    const body = { manifestSha256: hash('sha256', manifest) };
    await api.refuse('FORBIDDEN', 'POST /v1/images/{imageId}/versions', { as: alice, path, body });
    const certificate = certificateOf('alice', '2099-01-01T00:00:00Z');
    await api.succeed('POST /v1/publishers', { as: olga, body: { certificate } });
    await api.refuse('FORBIDDEN', 'POST /v1/publishers', { as: alice, body: { certificate } });
    const expired = { certificate: certificateOf('alice', '2020-01-01T00:00:00Z') };
    await api.refuse('MANIFEST_UNTRUSTED', 'POST /v1/publishers', { as: olga, body: expired });
    assert.equal(
      (await api.succeed<{ certificate?: string }>('GET /v1/trust', { as: alice })).certificate,
      certificate,
    );

    const unsigned = { manifestSha256: hash('sha256', stranger) };
    await api.refuse('MANIFEST_UNTRUSTED', 'POST /v1/images/{imageId}/versions', { as: alice, path, body: unsigned });
    const elsewhere = { imageId: NEVER_MADE };
    await api.refuse('NOT_FOUND', 'POST /v1/images/{imageId}/versions', { as: alice, path: elsewhere, body });
    await api.succeed('POST /v1/images/{imageId}/versions', { as: alice, path, body });
    await api.refuse('CONFLICT', 'POST /v1/images/{imageId}/versions', { as: alice, path, body });
    await api.succeed('GET /v1/images', { as: mallory });
    const image = { as: mallory, path: { imageName: IMAGE_NAME } };
    assert.equal((await api.succeed<{ versions: unknown[] }>('GET /v1/images/{imageName}', image)).versions.length, 1);
  });

  async function upload(imageId: string, objects: readonly (readonly [Kind, Buffer])[]): Promise<void> {
    const body = { objects: objects.map(([kind, bytes]) => objectOf(kind, bytes)) };
    const answer = await api.succeed<{ uploads: { upload: { url: string; headers: Record<string, string> } }[] }>(
      'POST /v1/images/{imageId}/uploads',
      { as: alice, path: { imageId }, body },
    );
    for (const [i, { upload }] of answer.uploads.entries()) {
      const sent = await fetch(upload.url, {
        method: 'PUT',
        headers: upload.headers,
        body: new Uint8Array(objects[i]?.[1] ?? []),
      });
      assert.equal(sent.status, 200);
    }
  }

  void test('deployments', async () => {
    const wish = { imageName: IMAGE_NAME, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY] };
    const { deploymentId } = (await wishFor<{ deployment: { deploymentId: string } }>('POST /v1/deployments', wish))
      .deployment;
    const own = { as: alice, path: { deploymentId } };
    await api.succeed('GET /v1/deployments', { as: alice });
    await api.succeed('GET /v1/deployments/{deploymentId}', own);
    await api.succeed('GET /v1/deployments/{deploymentId}/events', { ...own, query: { after: '0' } });

    const job = { as: naist, path: { siteId: 'naist', deploymentId } };
    await api.succeed('GET /v1/sites/{siteId}/deployments/{deploymentId}', job);
    await api.succeed('POST /v1/sites/{siteId}/deployments/{deploymentId}/grant', job);
    const reports = 'POST /v1/sites/{siteId}/deployments/{deploymentId}/reports';
    const report = { generation: 1, phase: 'FETCHING', agentId: 'a' };
    await api.succeed(reports, { ...job, body: report });
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 0, partsTotal: 1 };
    await api.succeed(reports, { ...job, body: { ...report, progress } });
    await api.refuse('CLAIMED_ELSEWHERE', reports, { ...job, body: { ...report, agentId: 'b' } });
    await api.refuse('CONFLICT', reports, { ...job, body: { ...report, generation: 2 } });
    const elsewhere = { as: agentOf('ucsd'), path: { siteId: 'ucsd', deploymentId } };
    await api.refuse('NOT_FOUND', reports, { ...elsewhere, body: report });

    await api.succeed('DELETE /v1/deployments/{deploymentId}', own);
    await api.refuse('SUPERSEDED', reports, { ...job, body: report });
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    await api.succeed(reports, { ...job, body: { ...report, generation: 2, phase: 'FAILED', failure } });
    await api.succeed('GET /v1/deployments/{deploymentId}/events', own);
  });

  void test('warmings', async () => {
    const wish = { imageName: IMAGE_NAME, siteId: 'naist', keep: false };
    const { warmingId } = (await wishFor<{ warming: { warmingId: string } }>('POST /v1/warmings', wish)).warming;
    await api.succeed('GET /v1/warmings/{warmingId}', { as: alice, path: { warmingId } });
    const job = { as: naist, path: { siteId: 'naist', warmingId } };
    await api.succeed('GET /v1/sites/{siteId}/warmings/{warmingId}', job);
    await api.succeed('POST /v1/sites/{siteId}/warmings/{warmingId}/grant', job);
    const reports = 'POST /v1/sites/{siteId}/warmings/{warmingId}/reports';
    await api.succeed(reports, { ...job, body: { phase: 'FETCHING' } });
    const counted = { bytesFetched: 1, partsFetched: 1, cacheHits: 0, cacheMisses: 1 };
    await api.succeed(reports, {
      ...job,
      body: { phase: 'DONE', outcome: { ...counted, edgeLocations: ['NRT'], seconds: 0.1 } },
    });
    const elsewhere = { as: agentOf('ucsd'), path: { siteId: 'ucsd', warmingId } };
    await api.refuse('NOT_FOUND', reports, { ...elsewhere, body: { phase: 'FETCHING' } });
  });

  /** Accepted once, whether asked once or twice; refused for each reason that there is. */
  async function wishFor<T>(route: string, body: Readonly<Record<string, unknown>>): Promise<T> {
    const call = { as: alice, headers: { 'idempotency-key': ulid() } };
    const accepted = await api.succeed<T>(route, { ...call, body });
    assert.deepEqual(await api.succeed<T>(route, { ...call, body }), accepted);
    await api.refuse('IDEMPOTENCY_MISMATCH', route, { ...call, body: { ...body, imageVersion: 1 } });
    await api.refuse('INVALID_REQUEST', route, { as: alice, body, headers: { 'idempotency-key': 'short' } });
    await api.refuse('NOT_FOUND', route, { as: alice, body: { ...body, siteId: 'nowhere' } });
    await api.refuse('FORBIDDEN', route, { as: alice, body: { ...body, siteId: 'ucsd' } });
    return accepted;
  }

  void test('what every operation of its kind refuses', async () => {
    for (const { route, operation } of operations()) {
      const path = NOTHING_THERE;
      const call: Call = { as: caller[operation.caller], path };
      if (operation.caller !== 'anyone') await api.turnAway(route, { path });
      if (operation.caller === 'member') await api.refuse('UNAUTHENTICATED', route, { path, as: naist });
      if (operation.caller === 'agent') {
        const ofOtherBody: Authorize = (method, pathname) => naist(method, pathname, 'another body');
        await api.refuse('UNAUTHENTICATED', route, { path, as: ofOtherBody });
        await api.refuse('FORBIDDEN', route, { path, as: alice });
      }
      if (operation.request) {
        await api.refuse('INVALID_REQUEST', route, { ...call, body: { unknown: true } });
        await api.refuse('INVALID_REQUEST', route, { ...call, body: 'no JSON' });
        await api.refuse('REQUEST_TOO_LARGE', route, { ...call, body: 'x'.repeat(300 * 1024) });
      } else if (/\{(?!siteId)/.test(route)) {
        await api.refuse('NOT_FOUND', route, call);
      } else if (route.includes('{siteId}')) {
        await api.refuse('NOT_FOUND', route, { ...call, path: { siteId: 'NAIST' } });
      }
      if (operation.query)
        await api.refuse('INVALID_REQUEST', route, { ...call, query: { [operation.query.name]: '?' } });
    }
  });

  void test('a caller who asks too often is told when to come again, and nobody else is', async (t) => {
    const clients = awsClients(cloud.endpoints);
    t.after(() => clients.destroy());
    const rateLimiter = new DynamoDbRateLimiter(new Table(cloud.names.table, clients.dynamoDb));
    const inAnHour = new Date(Date.now() + 3_600_000);
    for (const rateClass of ['reads', 'writes'] as const) {
      for (const who of ['member:alice', 'agent:naist']) await rateLimiter.take(who, rateClass, inAnHour);
    }
    for (const { route, operation } of operations().filter((one) => one.operation.caller !== 'anyone')) {
      await api.refuse('THROTTLED', route, { as: caller[operation.caller], path: NOTHING_THERE });
    }
    await api.succeed('GET /v1/sites', { as: mallory });
    await api.succeed('POST /v1/sites/{siteId}/session', { as: agentOf('ucsd'), path: { siteId: 'ucsd' } });
  });

  void test('nothing of the description was left out', () => {
    const faults = new RegExp(` (?:${FAULTS.join('|')})$`);
    const races = CONFLICT_IN_RACES_ONLY.map((route) => `${route} 409 application/problem+json CONFLICT`);
    const unseen = api.unseen().filter((key) => !faults.test(key));
    assert.deepEqual(unseen.sort(), races.sort());
  });
});

type Kind = 'manifests' | 'indexes' | 'parts';

const objectOf = (objectKind: Kind, bytes: Buffer) => ({
  objectKind,
  sha256: hash('sha256', bytes),
  sizeBytes: bytes.length,
});

/** One disk of one part, of which the control plane knows digests and sizes, and no more. */
function manifestOf(imageId: string, index: Buffer, part: Buffer): Manifest {
  const described = (bytes: Buffer) => ({ sha256: hash('sha256', bytes), sizeBytes: bytes.length });
  return {
    ...{ schemaVersion: 1, imageId, imageName: IMAGE_NAME, version: 1, createdAt: '2026-11-23T00:00:00Z' },
    architecture: 'x86_64',
    disks: { frontend: { sizeBytes: DISK_BYTES, index: described(index), parts: [{ number: 0, ...described(part) }] } },
  };
}
