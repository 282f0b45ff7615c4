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
import { createSqsJobQueue } from '../../edge-agent/adapters/sqs-job-queue.ts';
import type { AgentSession } from '../../edge-agent/ports.ts';
import { DynamoDbRateLimiter } from '../../functions/adapters/dynamodb-rate-limiter.ts';
import { Table } from '../../functions/adapters/dynamodb-table.ts';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { operations } from '../../functions/openapi/operations.ts';
import { awsClients } from '../../local/aws/services.ts';
import { type Cloud, OIDC_AUDIENCE, startCloud } from '../../local/cloud.ts';
import { ApiContract, type Authorize, type Call } from '../helpers/api-contract.ts';
import { TroubledServices } from '../helpers/troubled-services.ts';
import { SSH_KEY } from '../helpers/model-samples.ts';
import { functionFindings, sessionFindings } from '../helpers/permission-findings.ts';
import { sweepOldWork } from '../helpers/sweep-old-work.ts';
import { WatchedCalls } from '../helpers/watched-calls.ts';

const MEMBERS = [
  { id: 'olga', groups: ['federation-operators'] },
  { id: 'alice', groups: ['publishers', 'members'] },
  { id: 'oscar', groups: ['nara-operators'] },
  { id: 'mira', groups: ['members', 'physics'] },
  { id: 'mallory', groups: [] },
];
const IMAGE_NAME = 'tiny';
const DISK_BYTES = 4096;
const NEVER_MADE = ulid();
/** Good for every path; but for the site there is nothing of the kind. */
const NOTHING_THERE = {
  ...{ siteId: 'naist', imageName: 'none', imageVersion: '1', channel: 'stable' },
  ...{ imageId: NEVER_MADE, deploymentId: NEVER_MADE, warmingId: NEVER_MADE },
};

const HEARTBEAT = {
  free: { cpus: 4, memoryMiB: 4096, publicAddresses: 2 },
  agentVersion: '1.0.0',
  cached: [{ imageId: NEVER_MADE, version: 1, cachedBytes: 1 }],
};

/** Their CONFLICT is for writers that meet at each of several attempts. */
const CONFLICT_IN_RACES_ONLY = [
  'POST /v1/deployments',
  'POST /v1/warmings',
  'DELETE /v1/deployments/{deploymentId}',
  'POST /v1/images',
  'DELETE /v1/images/{imageName}/channels/{channel}',
  'PUT /v1/images/{imageName}/sharing',
  'PUT /v1/images/{imageName}/versions/{imageVersion}/deprecation',
  'DELETE /v1/images/{imageName}/versions/{imageVersion}/deprecation',
  'PUT /v1/images/{imageName}/versions/{imageVersion}/recall',
  'POST /v1/publishers',
  'POST /v1/sites',
  'PUT /v1/sites/{siteId}/drain',
  'DELETE /v1/sites/{siteId}/drain',
  'POST /v1/enrollments',
  'POST /v1/sites/{siteId}/heartbeat',
  'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant',
  'POST /v1/sites/{siteId}/warmings/{warmingId}/grant',
];

/** Without a table they answer all the same: each report has a result of its own. */
const UNTROUBLED = [
  'GET /.well-known/oauth-protected-resource',
  'GET /v1/openapi.json',
  'POST /v1/sites/{siteId}/reports',
];
const TRAIL = 'GET /v1/audit';
/** Of the trail, that is THROTTLED. */
const NEVER_BUSY = [...UNTROUBLED, TRAIL];
const SIGNING = [
  'POST /v1/deployments',
  'POST /v1/warmings',
  'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant',
  'POST /v1/sites/{siteId}/warmings/{warmingId}/grant',
];

void suite('the API is as it describes itself', { timeout: 180_000 }, () => {
  const [root, publisher] = [newKeyPair(), newKeyPair()];
  const agents = { naist: newKeyPair(), ucsd: newKeyPair() };
  let cloud: Cloud;
  let api: ApiContract;
  const calls = new WatchedCalls();
  const services = new TroubledServices();
  before(async () => {
    cloud = await startCloud({
      ...{ members: MEMBERS, rootPublicKeyPem: root.publicKeyPem, log: () => undefined },
      watchCalls: async (call) => (await services.watch(call)) ?? calls.watch(call),
    });
    const description = await fetch(`${cloud.apiUrl}/v1/openapi.json`);
    api = new ApiContract(cloud.apiUrl, await description.json(), inTrouble);
  });
  after(() => cloud.close());

  /** What it answers while services are in trouble: nothing is done by it. */
  async function inTrouble(route: string, call: Call): Promise<void> {
    if (CONFLICT_IN_RACES_ONLY.includes(route)) {
      await services.during('race', () => api.refuse('CONFLICT', route, call));
    }
    if (route === TRAIL) await services.during('throttled', () => api.refuse('THROTTLED', route, call));
    if (!UNTROUBLED.includes(route)) await services.during('outage', () => api.refuse('INTERNAL', route, call));
    if (!NEVER_BUSY.includes(route)) {
      await services.during('busy', () => api.refuse('SERVICE_UNAVAILABLE', route, call));
    }
    if (SIGNING.includes(route))
      await services.during('unsigned', () => api.refuse('SERVICE_UNAVAILABLE', route, call));
  }

  const nobody: Authorize = () => Promise.resolve(undefined);
  const member = (id: string) => async () => `Bearer ${await cloud.issuer.issueToken(id)}`;
  const [olga, oscar, alice, mallory] = [member('olga'), member('oscar'), member('alice'), member('mallory')];
  const mira = member('mira');
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
      const body = { siteId, displayName: siteId, deployerGroups: [group], operatorGroups: ['nara-operators'] };
      const asked = { as: olga, body, headers: { 'idempotency-key': ulid() } };
      const register = () => api.succeed<{ enrollmentToken: string }>('POST /v1/sites', asked);
      const { enrollmentToken: token } = await register();
      assert.equal((await register()).enrollmentToken, token, 'a lost answer is given again');
      const enrollment = { token, publicKeyPem: agents[siteId].publicKeyPem };
      const enroll = (changes = {}) => ({ as: nobody, body: { ...enrollment, ...changes } });
      const enrolled = await api.succeed('POST /v1/enrollments', enroll());
      assert.deepEqual(await api.succeed('POST /v1/enrollments', enroll()), enrolled, 'a lost answer is given again');
      const stolen = enroll({ publicKeyPem: newKeyPair().publicKeyPem });
      await api.refuse('FORBIDDEN', 'POST /v1/enrollments', stolen);
      const renamed = { ...asked, body: { ...body, displayName: 'Elsewhere' } };
      await api.refuse('IDEMPOTENCY_MISMATCH', 'POST /v1/sites', renamed);
      await api.refuse('INVALID_REQUEST', 'POST /v1/sites', { ...asked, headers: { 'idempotency-key': 'short' } });
      await api.refuse('FORBIDDEN', 'POST /v1/sites', { ...asked, as: mallory });
    }
    const path = { siteId: 'naist' };
    await api.succeed('POST /v1/sites/{siteId}/heartbeat', { as: naist, path, body: HEARTBEAT });
    const elsewhere = { as: naist, path: { siteId: 'NAIST' }, body: HEARTBEAT };
    await api.refuse('NOT_FOUND', 'POST /v1/sites/{siteId}/heartbeat', elsewhere);
    await api.succeed('POST /v1/sites/{siteId}/session', { as: naist, path });
    const { sites } = await api.succeed<{ sites: { lastSeen?: string }[] }>('GET /v1/sites', { as: mallory });
    assert.equal(sites.filter(({ lastSeen }) => lastSeen !== undefined).length, 1);
    const { site } = await api.succeed<{ site: object }>('GET /v1/sites/{siteId}', { as: mallory, path });
    assert.ok('silent' in site && 'cachedImages' in site && !site.silent && site.cachedImages === 0);
    await api.refuse('NOT_FOUND', 'GET /v1/sites/{siteId}', { as: mallory, path: { siteId: 'nowhere' } });
  });

  void test("a site's operators", async () => {
    const path = { siteId: 'naist' };
    for (const method of ['PUT', 'DELETE']) {
      await api.refuse('FORBIDDEN', `${method} /v1/sites/{siteId}/drain`, { as: alice, path });
      await api.refuse('NOT_FOUND', `${method} /v1/sites/{siteId}/drain`, { as: oscar, path: { siteId: 'nowhere' } });
      await api.succeed(`${method} /v1/sites/{siteId}/drain`, { as: olga, path });
    }
    const grants = { path, as: oscar };
    const { access } = await api.succeed<Access>('GET /v1/sites/{siteId}/grants', grants);
    const body = { ...access, vetoes: { members: ['mallory'] } };
    await api.succeed('PUT /v1/sites/{siteId}/grants', { ...grants, body });
    await api.refuse('CONFLICT', 'PUT /v1/sites/{siteId}/grants', { ...grants, body });
    await api.refuse('FORBIDDEN', 'GET /v1/sites/{siteId}/grants', { ...grants, as: alice });
    await api.refuse('FORBIDDEN', 'PUT /v1/sites/{siteId}/grants', { ...grants, as: alice, body });
    const nowhere = { as: oscar, path: { siteId: 'nowhere' }, body };
    await api.refuse('NOT_FOUND', 'PUT /v1/sites/{siteId}/grants', nowhere);
  });

  void test('publishing', async () => {
    const begin = () =>
      api.succeed<{ imageId: string }>('POST /v1/images', { as: alice, body: { imageName: IMAGE_NAME } });
    const { imageId } = await begin();
    assert.equal((await begin()).imageId, imageId, 'a lost answer is given again');
    await api.refuse('FORBIDDEN', 'POST /v1/images', { as: mallory, body: { imageName: IMAGE_NAME } });
    const path = { imageId };
    const [index, part] = [Buffer.from('index'), Buffer.from('part')];
    const [manifest, stranger] = [publisher, newKeyPair()].map(({ privateKeyPem }) =>
      signManifest(manifestOf(imageId, 1, index, part), privateKeyPem),
    );
    const second = signManifest(manifestOf(imageId, 2, index, part), publisher.privateKeyPem);
    const otherFirst = { ...manifestOf(imageId, 1, index, part), createdAt: '2026-11-24T00:00:00Z' };
    const other = signManifest(otherFirst, publisher.privateKeyPem);
    assert.ok(manifest && stranger);
    await upload(imageId, [
      ['manifests', manifest],
      ['manifests', second],
      ['manifests', other],
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
    const certify = () => api.succeed('POST /v1/publishers', { as: olga, body: { certificate } });
    assert.deepEqual(await certify(), await certify());
    await api.refuse('FORBIDDEN', 'POST /v1/publishers', { as: alice, body: { certificate } });
    const expired = { certificate: certificateOf('alice', '2020-01-01T00:00:00Z') };
    await api.refuse('MANIFEST_UNTRUSTED', 'POST /v1/publishers', { as: olga, body: expired });
    assert.equal(
      (await api.succeed<{ certificate?: string }>('GET /v1/trust', { as: alice })).certificate,
      certificate,
    );

    const unsigned = { manifestSha256: hash('sha256', stranger) };
    await api.refuse('MANIFEST_UNTRUSTED', 'POST /v1/images/{imageId}/versions', { as: alice, path, body: unsigned });
    const [absent, longer] = [Buffer.from('never uploaded'), manifestOf(imageId, 1, index, part)];
    for (const disk of Object.values(longer.disks)) Object.assign(disk?.parts[0] ?? {}, { sizeBytes: part.length + 1 });
    for (const [code, untrue] of [
      ['INVALID_REQUEST', manifestOf(imageId, 1, index, absent)],
      ['INVALID_REQUEST', manifestOf(imageId, 1, absent, part)],
      ['INVALID_REQUEST', longer],
      ['MANIFEST_UNTRUSTED', manifestOf(NEVER_MADE, 1, index, part)],
      ['MANIFEST_UNTRUSTED', { ...manifestOf(imageId, 1, index, part), imageName: 'another' }],
    ] as const) {
      const signed = signManifest(untrue, publisher.privateKeyPem);
      await upload(imageId, [['manifests', signed]]);
      const wrong = { manifestSha256: hash('sha256', signed) };
      await api.refuse(code, 'POST /v1/images/{imageId}/versions', { as: alice, path, body: wrong });
    }
    const elsewhere = { imageId: NEVER_MADE };
    await api.refuse('NOT_FOUND', 'POST /v1/images/{imageId}/versions', { as: alice, path: elsewhere, body });
    await api.succeed('POST /v1/images/{imageId}/versions', { as: alice, path, body });
    const repeated = await api.succeed<{ version: number }>('POST /v1/images/{imageId}/versions', {
      ...{ as: alice, path, body },
    });
    assert.equal(repeated.version, 1, 'a lost answer is given again');
    const otherBody = { manifestSha256: hash('sha256', other) };
    await api.refuse('CONFLICT', 'POST /v1/images/{imageId}/versions', { as: alice, path, body: otherBody });
    const next = { manifestSha256: hash('sha256', second) };
    await api.succeed('POST /v1/images/{imageId}/versions', { as: alice, path, body: next });
    await api.succeed('GET /v1/images', { as: mallory });
    const image = { as: mallory, path: { imageName: IMAGE_NAME } };
    assert.equal((await api.succeed<{ versions: unknown[] }>('GET /v1/images/{imageName}', image)).versions.length, 2);
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
    const wish = { imageName: IMAGE_NAME, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY], hours: 1 };
    const { deploymentId } = (await wishFor<{ deployment: { deploymentId: string } }>('POST /v1/deployments', wish))
      .deployment;
    const own = { as: alice, path: { deploymentId } };
    const filters = { siteId: 'naist', imageName: IMAGE_NAME, imageVersion: '2', phase: 'ACCEPTED,RUNNING' };
    for (const [as, query] of [
      [alice, {}],
      [alice, { ...filters, limit: '1' }],
      [olga, { ...filters, memberId: 'alice' }],
    ] as const) {
      const list = await api.succeed<{ deployments: unknown[] }>('GET /v1/deployments', { as, query });
      assert.equal(list.deployments.length, 1);
    }
    const failed = { as: alice, query: { phase: 'FAILED' } };
    assert.deepEqual(await api.succeed('GET /v1/deployments', failed), { deployments: [] });
    await api.refuse('FORBIDDEN', 'GET /v1/deployments', { as: mallory, query: { memberId: 'alice' } });
    await api.succeed('GET /v1/deployments/{deploymentId}', own);
    await api.refuse('NOT_FOUND', 'GET /v1/deployments/{deploymentId}', { ...own, as: mallory });
    await api.succeed('GET /v1/deployments/{deploymentId}/events', { ...own, query: { after: '0' } });
    await seenByOperators(own.path);

    const extend = 'POST /v1/deployments/{deploymentId}/extend';
    await api.succeed(extend, { ...own, body: { hours: 2 } });
    await api.refuse('INVALID_REQUEST', extend, { ...own, body: { hours: 1 } });
    await api.refuse('NOT_FOUND', extend, { ...own, as: mallory, body: { hours: 3 } });
    await vetoed(() => api.refuse('VETOED', extend, { ...own, body: { hours: 3 } }));
    await drained(() => api.refuse('SITE_DRAINING', extend, { ...own, body: { hours: 3 } }));
    const nobodyElse = [{ member: 'bob' }];
    await granted(nobodyElse, () => api.refuse('FORBIDDEN', extend, { ...own, body: { hours: 3 } }));
    const short = [{ groups: ['members'], quota: { maxHours: 2 } }];
    await granted(short, () => api.refuse('QUOTA_EXCEEDED', extend, { ...own, body: { hours: 3 } }));

    const job = { as: naist, path: { siteId: 'naist', deploymentId } };
    await api.succeed('GET /v1/sites/{siteId}/deployments/{deploymentId}', job);
    await api.succeed('POST /v1/sites/{siteId}/deployments/{deploymentId}/grant', job);
    await vetoed(() => api.refuse('VETOED', 'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant', job));
    const fetching = on(deploymentId, { phase: 'FETCHING' });
    assert.deepEqual(await reported(fetching), ['taken']);
    const progress = { bytesFetched: 1, bytesTotal: 2, partsFetched: 0, partsTotal: 1 };
    assert.deepEqual(await reported(on(deploymentId, { phase: 'FETCHING', progress })), ['taken']);
    const [stop, start] = ['POST /v1/deployments/{deploymentId}/stop', 'POST /v1/deployments/{deploymentId}/start'];
    await api.refuse('CONFLICT', stop, own);
    await api.refuse('NOT_FOUND', stop, { ...own, as: mallory });
    await api.refuse('NOT_FOUND', start, { ...own, as: mallory });
    await api.succeed(start, own);
    await vetoed(() => api.refuse('VETOED', start, own));
    await drained(() => api.refuse('SITE_DRAINING', start, own));
    await granted(nobodyElse, () => api.refuse('FORBIDDEN', start, own));
    await orderedReports(deploymentId, fetching);

    const nodes = [{ name: 'frontend', role: 'frontend', privateAddress: '10.1.1.1' }];
    const timeline = {
      ...{ messageReceivedAt: new Date().toISOString(), steps: [], bytesFetched: 1, partsFetched: 1 },
      ...{ edgeLocations: [], cacheHits: 0, cacheMisses: 1, acceleration: 'kvm' },
    };
    const scale = 'POST /v1/deployments/{deploymentId}/scale';
    const larger = { ...own, body: { computes: 2 } };
    await api.refuse('CONFLICT', scale, larger);
    assert.deepEqual(await reported(on(deploymentId, { phase: 'RUNNING', nodes, timeline })), ['taken']);
    await api.refuse('NOT_FOUND', scale, { ...larger, as: mallory });
    await vetoed(() => api.refuse('VETOED', scale, larger));
    await drained(() => api.refuse('SITE_DRAINING', scale, larger));
    await granted(nobodyElse, () => api.refuse('FORBIDDEN', scale, larger));
    await granted([{ groups: ['members'], quota: { maxCpus: 1 } }], () => api.refuse('QUOTA_EXCEEDED', scale, larger));
    await api.succeed(scale, larger);
    const computes = [0, 1].map((i) => ({
      name: `compute-${i}`,
      role: 'compute',
      privateAddress: `10.1.255.25${4 - i}`,
    }));
    const scaled = { generation: 2, phase: 'RUNNING', nodes: [...nodes, ...computes], timeline };
    const scaling = on(deploymentId, { generation: 2, phase: 'SCALING' });
    assert.deepEqual(await reported(scaling, on(deploymentId, scaled)), ['taken', 'taken']);
    await api.succeed(stop, own);

    await api.succeed('DELETE /v1/deployments/{deploymentId}', own);
    await api.refuse('CONFLICT', extend, { ...own, body: { hours: 3 } });
    await api.refuse('CONFLICT', start, own);
    assert.deepEqual(await reported(on(deploymentId, { phase: 'FETCHING' })), ['SUPERSEDED']);
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    assert.deepEqual(await reported(on(deploymentId, { generation: 4, phase: 'FAILED', failure })), ['taken']);
    await api.succeed('GET /v1/deployments/{deploymentId}/events', own);
  });

  const REPORTS = 'POST /v1/sites/{siteId}/reports';
  let sequence = 0;
  const on = (deploymentId: string, said: object) => {
    sequence += 1;
    return { deploymentId, report: { sequence, generation: 1, agentId: 'a', ...said } };
  };
  const sendReports = (reports: readonly object[], siteId: keyof typeof agents = 'naist') =>
    api.succeed<{ results: { refused?: { code: string }; lastSequence?: number }[] }>(REPORTS, {
      ...{ as: agentOf(siteId), path: { siteId }, body: { reports } },
    });
  /** What became of each: the code of its refusal, or that it was taken. */
  async function reported(...reports: readonly object[]): Promise<string[]> {
    return (await sendReports(reports)).results.map(({ refused }) => refused?.code ?? 'taken');
  }

  /** Of a deployment that is FETCHING. Each report of a batch has a result of its own, whatever the others have. */
  async function orderedReports(deploymentId: string, fetching: object): Promise<void> {
    const [personalizing, booting] = ['PERSONALIZING', 'BOOTING'].map((phase) => on(deploymentId, { phase }));
    assert.ok(personalizing && booting);
    const others = [
      on(deploymentId, { phase: 'FETCHING', agentId: 'b' }),
      on(deploymentId, { phase: 'FETCHING', generation: 2 }),
      on(NEVER_MADE, { phase: 'FETCHING' }),
      { warmingId: NEVER_MADE, report: { phase: 'FETCHING' } },
    ];
    const codes = ['CLAIMED_ELSEWHERE', 'CONFLICT', 'NOT_FOUND', 'NOT_FOUND'];
    assert.deepEqual(await reported(personalizing, ...others, booting), ['taken', ...codes, 'taken']);
    const events = async () => {
      const own = { as: alice, path: { deploymentId }, query: { after: '0' } };
      return api.succeed<{ events: { phase: string }[] }>('GET /v1/deployments/{deploymentId}/events', own);
    };
    const before = await events();
    assert.deepEqual(
      before.events.map(({ phase }) => phase).slice(-3),
      ['FETCHING', 'PERSONALIZING', 'BOOTING'],
      'no phase is lost in a batch',
    );
    const { results } = await sendReports([fetching, personalizing, booting]);
    assert.deepEqual(
      results,
      [1, 2, 3].map(() => ({ lastSequence: booting.report.sequence })),
      'said again, and late: done, with the number of what came after',
    );
    assert.deepEqual(await events(), before, 'nothing was moved back');
    assert.deepEqual(await reported(on(deploymentId, { phase: 'FETCHING' })), ['taken'], 'an agent that begins anew');
    assert.equal((await events()).events.at(-1)?.phase, 'FETCHING');

    const foreign = await sendReports([on(deploymentId, { phase: 'BOOTING' })], 'ucsd');
    assert.equal(foreign.results[0]?.refused?.code, 'NOT_FOUND');
    const batch = (number: number) =>
      Array.from({ length: number }, () => on(deploymentId, { phase: 'FETCHING', generation: 9 }));
    assert.deepEqual(await reported(...batch(32)), Array(32).fill('CONFLICT'));
    for (const reports of [[], batch(33), [{ ...fetching, warmingId: NEVER_MADE }], [{ deploymentId }]]) {
      const call = { as: naist, path: { siteId: 'naist' }, body: { reports } };
      await api.refuse('INVALID_REQUEST', REPORTS, call);
    }
    const elsewhere = { as: naist, path: { siteId: 'NAIST' }, body: { reports: [fetching] } };
    await api.refuse('NOT_FOUND', REPORTS, elsewhere);
  }

  /** Those of naist and of the federation, at naist; the keys are not theirs to see. */
  async function seenByOperators(path: { deploymentId: string }): Promise<void> {
    const show = 'GET /v1/deployments/{deploymentId}';
    const list = 'GET /v1/sites/{siteId}/deployments';
    const here = { siteId: 'naist' };
    for (const as of [oscar, olga]) {
      const { deployment } = await api.succeed<{ deployment: object }>(show, { as, path });
      assert.equal('sshPublicKeys' in deployment, false);
      const { events } = await api.succeed<{ events: unknown[] }>(`${show}/events`, { as, path });
      assert.ok(events.length > 0);
      const seen = await api.succeed(list, { as, path: here, query: { limit: '1' } });
      assert.deepEqual(seen, { deployments: [deployment] });
    }
    await api.refuse('NOT_FOUND', `${show}/events`, { as: mallory, path });
    await api.refuse('FORBIDDEN', list, { as: alice, path: here });
    await api.refuse('NOT_FOUND', list, { as: oscar, path: { siteId: 'nowhere' } });
  }

  void test('deployments at any site', async () => {
    const wish = { imageName: IMAGE_NAME, siteId: 'any', computes: 0, sshPublicKeys: [SSH_KEY] };
    const { deployment } = await api.succeed<{ deployment: { deploymentId: string; siteId: string } }>(
      'POST /v1/deployments',
      { as: alice, body: { ...wish, hours: 1 } },
    );
    assert.equal(deployment.siteId, 'naist');
    // Which counts what is accepted there.
    await api.succeed('POST /v1/deployments/dry-run', { as: alice, body: wish });
    const failure = { code: 'DISK_FULL', message: 'no room', remedy: 'Free some.' };
    assert.deepEqual(await reported(on(deployment.deploymentId, { phase: 'FAILED', failure })), ['taken']);
    const larger = { as: alice, body: { ...wish, computes: 5 } };
    await api.refuse('NO_CAPACITY', 'POST /v1/deployments', larger);
    const { check } = await api.succeed<{ check: Check }>('POST /v1/deployments/dry-run', larger);
    assert.equal(check.refusal?.code, 'NO_CAPACITY');
    await api.refuse('FORBIDDEN', 'POST /v1/deployments', { as: mallory, body: wish });
  });

  void test('above the quota', async () => {
    const call = { as: oscar, path: { siteId: 'naist' } };
    const { access } = await api.succeed<Access>('GET /v1/sites/{siteId}/grants', call);
    const limit = (version: number, quota: object) =>
      api.succeed<Access>('PUT /v1/sites/{siteId}/grants', {
        ...call,
        body: { version, grants: [{ groups: ['members'], quota }] },
      });
    const limited = await limit(access.version, { maxClusters: 0 });
    const wish = { imageName: IMAGE_NAME, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY] };
    await api.refuse('QUOTA_EXCEEDED', 'POST /v1/deployments', { as: alice, body: wish });
    const dryRun = async () => {
      const call = { as: alice, body: wish };
      const { check } = await api.succeed<{ check: Check }>('POST /v1/deployments/dry-run', call);
      return [check.agentHeard, check.refusal?.code];
    };
    await api.succeed('POST /v1/sites/{siteId}/heartbeat', { as: naist, path: { siteId: 'naist' }, body: HEARTBEAT });
    assert.deepEqual(await dryRun(), [true, 'QUOTA_EXCEEDED']);
    await limit(limited.access.version, {});
    assert.deepEqual(await dryRun(), [true, undefined]);
  });

  void test('warmings', async () => {
    const wish = { imageName: IMAGE_NAME, siteId: 'naist', keep: false };
    const { warmingId } = (await wishFor<{ warming: { warmingId: string } }>('POST /v1/warmings', wish)).warming;
    await api.succeed('GET /v1/warmings/{warmingId}', { as: alice, path: { warmingId } });
    const job = { as: naist, path: { siteId: 'naist', warmingId } };
    await api.succeed('GET /v1/sites/{siteId}/warmings/{warmingId}', job);
    await api.succeed('POST /v1/sites/{siteId}/warmings/{warmingId}/grant', job);
    await vetoed(() => api.refuse('VETOED', 'POST /v1/sites/{siteId}/warmings/{warmingId}/grant', job));
    const counted = { bytesFetched: 1, partsFetched: 1, cacheHits: 0, cacheMisses: 1 };
    const fetching = { warmingId, report: { phase: 'FETCHING' } };
    const outcome = { ...counted, edgeLocations: ['NRT'], seconds: 0.1 };
    const done = { warmingId, report: { phase: 'DONE', outcome } };
    assert.deepEqual(await reported(fetching, done, fetching), ['taken', 'taken', 'taken']);
    const { warming } = await api.succeed<{ warming: { phase: string } }>('GET /v1/warmings/{warmingId}', {
      ...{ as: alice, path: { warmingId } },
    });
    assert.equal(warming.phase, 'DONE', 'the first end stands');
    const foreign = await sendReports([fetching], 'ucsd');
    assert.equal(foreign.results[0]?.refused?.code, 'NOT_FOUND');
  });

  void test('fault 52: rights that are taken back from who asked, asked again at each renewal', async () => {
    const wish = { imageName: IMAGE_NAME, siteId: 'naist' };
    const { deployment } = await api.succeed<{ deployment: { deploymentId: string } }>('POST /v1/deployments', {
      ...{ as: mira, body: { ...wish, computes: 0, sshPublicKeys: [SSH_KEY] } },
    });
    const { warming } = await api.succeed<{ warming: { warmingId: string } }>('POST /v1/warmings', {
      ...{ as: mira, body: { ...wish, keep: false } },
    });
    const { deploymentId } = deployment;
    const job = { as: naist, path: { siteId: 'naist', deploymentId, ...warming } };
    const grants = ['deployments/{deploymentId}', 'warmings/{warmingId}'].map(
      (accepted) => `POST /v1/sites/{siteId}/${accepted}/grant`,
    );
    const renew = async () => {
      for (const route of grants) await api.succeed(route, job);
    };
    const refuse = async () => {
      for (const route of grants) await api.refuse('ACCESS_WITHDRAWN', route, job);
    };
    await renew();
    await granted([{ member: 'bob' }], refuse);
    await granted([{ groups: ['biology'] }], refuse);
    await granted([{ groups: ['members'], images: ['another'] }], refuse);
    await granted([{ groups: ['physics'], images: [IMAGE_NAME] }], renew);
    await drained(renew);
    const share = (sharing: object) =>
      api.succeed('PUT /v1/images/{imageName}/sharing', {
        as: alice,
        path: { imageName: IMAGE_NAME },
        body: { sharing },
      });
    for (const [sharing, then] of [
      [{ with: 'owner' }, refuse],
      [{ with: 'groups', groups: ['biology'] }, refuse],
      [{ with: 'groups', groups: ['biology', 'physics'] }, renew],
      [{ with: 'members' }, renew],
    ] as const) {
      await share(sharing);
      await then();
    }
    for (const who of [job, { as: mira, path: job.path }]) {
      const route = `${who === job ? 'GET /v1/sites/{siteId}/deployments' : 'GET /v1/deployments'}/{deploymentId}`;
      assert.doesNotMatch(JSON.stringify(await api.succeed(route, who)), /physics/);
    }
  });

  void test('what becomes of an image after it was published', async () => {
    const named = { imageName: IMAGE_NAME };
    const none = { as: alice, path: NOTHING_THERE };
    const channel = '/v1/images/{imageName}/channels/{channel}';
    const stable = { ...named, channel: 'stable' };
    const [first, second] = ['1', '2'].map((imageVersion) => ({ ...named, imageVersion }));
    assert.ok(first && second);
    await api.succeed(`PUT ${channel}`, { as: alice, path: stable, body: { version: 2 } });
    await api.refuse('CONFLICT', `PUT ${channel}`, { as: alice, path: stable, body: { version: 1 } });
    const { removedChannels } = await api.succeed<{ removedChannels: unknown }>(`DELETE ${channel}`, {
      ...{ as: alice, path: stable },
    });
    assert.deepEqual(removedChannels, { stable: 2 });
    await api.refuse('CONFLICT', `PUT ${channel}`, { as: alice, path: stable, body: { version: 1 } });
    await api.succeed(`PUT ${channel}`, { as: alice, path: stable, body: { version: 2 } });
    await api.refuse('FORBIDDEN', `PUT ${channel}`, { as: mallory, path: stable, body: { version: 2 } });
    await api.refuse('FORBIDDEN', `DELETE ${channel}`, { as: mallory, path: stable });
    await api.refuse('NOT_FOUND', `PUT ${channel}`, { ...none, body: { version: 1 } });

    const deployment = { ...named, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY] };
    const deploy = async (wish: object) =>
      api.succeed<{ deployment: Record<'deploymentId' | 'imageDeprecated', string> & { imageVersion: number } }>(
        'POST /v1/deployments',
        { as: alice, body: { ...deployment, ...wish } },
      );
    assert.equal((await deploy({ imageChannel: 'stable' })).deployment.imageVersion, 2);

    const deprecation = '/v1/images/{imageName}/versions/{imageVersion}/deprecation';
    const body = { reason: 'an old kernel' };
    await api.succeed(`PUT ${deprecation}`, { as: alice, path: second, body });
    await api.succeed(`DELETE ${deprecation}`, { as: alice, path: second });
    await api.succeed(`PUT ${deprecation}`, { as: alice, path: first, body });
    await api.refuse('FORBIDDEN', `PUT ${deprecation}`, { as: mallory, path: first, body });
    await api.refuse('FORBIDDEN', `DELETE ${deprecation}`, { as: mallory, path: first });
    await api.refuse('NOT_FOUND', `PUT ${deprecation}`, { ...none, body });
    const { deploymentId, imageDeprecated } = (await deploy({ imageVersion: 1 })).deployment;
    assert.equal(imageDeprecated, body.reason);
    const warming = { as: alice, body: { ...named, imageVersion: 1, siteId: 'naist', keep: false } };
    const { warmingId } = (await api.succeed<{ warming: { warmingId: string } }>('POST /v1/warmings', warming)).warming;

    const recall = 'PUT /v1/images/{imageName}/versions/{imageVersion}/recall';
    await api.refuse('FORBIDDEN', recall, { as: mallory, path: first, body });
    await api.refuse('NOT_FOUND', recall, { ...none, body });
    const recalled = await api.succeed<{ deployments: unknown[] }>(recall, { as: olga, path: first, body });
    assert.deepEqual(recalled.deployments, [{ deploymentId, memberId: 'alice', siteId: 'naist' }]);
    const old = { ...named, channel: 'old' };
    await api.refuse('IMAGE_RECALLED', `PUT ${channel}`, { as: alice, path: old, body: { version: 1 } });
    await api.refuse('IMAGE_RECALLED', `PUT ${deprecation}`, { as: alice, path: first, body });
    await api.refuse('IMAGE_RECALLED', `DELETE ${deprecation}`, { as: alice, path: first });
    const again = { as: alice, body: { ...deployment, imageVersion: 1 } };
    await api.refuse('IMAGE_RECALLED', 'POST /v1/deployments', again);
    await api.refuse('IMAGE_RECALLED', 'POST /v1/warmings', warming);
    const job = { as: naist, path: { siteId: 'naist', deploymentId, warmingId } };
    await api.refuse('IMAGE_RECALLED', 'POST /v1/sites/{siteId}/deployments/{deploymentId}/grant', job);
    const own = { as: alice, path: { deploymentId }, body: { hours: 3 } };
    await api.refuse('IMAGE_RECALLED', 'POST /v1/deployments/{deploymentId}/extend', own);
    await api.refuse('IMAGE_RECALLED', 'POST /v1/deployments/{deploymentId}/start', { as: alice, path: job.path });
    await api.refuse('IMAGE_RECALLED', 'POST /v1/sites/{siteId}/warmings/{warmingId}/grant', job);
    const nodes = [{ name: 'frontend', role: 'frontend', privateAddress: '10.1.1.1' }];
    const run = [{ phase: 'FETCHING' }, { phase: 'RUNNING', nodes }].map((said) => on(deploymentId, said));
    assert.deepEqual(await reported(...run), ['taken', 'taken']);
    const more = { as: alice, path: job.path, body: { computes: 1 } };
    await api.refuse('IMAGE_RECALLED', 'POST /v1/deployments/{deploymentId}/scale', more);

    const version = 'DELETE /v1/images/{imageName}/versions/{imageVersion}';
    await api.refuse('FORBIDDEN', version, { as: mallory, path: first });
    await api.refuse('CONFLICT', version, { as: alice, path: first });
    await api.refuse('CONFLICT', version, { as: alice, path: second });
    const failure = { code: 'IMAGE_RECALLED', message: 'recalled', remedy: 'Take another.' };
    assert.deepEqual(await reported(on(deploymentId, { phase: 'FAILED', failure })), ['taken']);
    await api.succeed(version, { as: alice, path: first });
    await api.succeed(`DELETE ${channel}`, { as: alice, path: stable });
    // Now the latest of what is left is recalled, too: the name alone means nothing that may be used.
    await api.succeed(recall, { as: alice, path: second, body });
    await api.refuse('IMAGE_RECALLED', 'POST /v1/deployments', { as: alice, body: deployment });
    const dryRun = { as: alice, body: deployment };
    const { check } = await api.succeed<{ check: Check }>('POST /v1/deployments/dry-run', dryRun);
    assert.equal(check.refusal?.code, 'IMAGE_RECALLED');
    const latest = { ...named, siteId: 'naist', keep: false };
    await api.refuse('IMAGE_RECALLED', 'POST /v1/warmings', { as: alice, body: latest });

    const share = 'PUT /v1/images/{imageName}/sharing';
    const owner = { sharing: { with: 'owner' } };
    await api.refuse('FORBIDDEN', share, { as: mallory, path: named, body: owner });
    await api.refuse('NOT_FOUND', share, { ...none, body: owner });
    await api.succeed(share, { as: alice, path: named, body: { sharing: { with: 'groups', groups: ['physics'] } } });
    await api.succeed(share, { as: alice, path: named, body: owner });
    await api.refuse('NOT_FOUND', 'GET /v1/images/{imageName}', { as: mallory, path: named });
    await api.refuse('NOT_FOUND', 'POST /v1/deployments', { as: mallory, body: deployment });
    const seen = async (as: Authorize) => (await api.succeed<{ images: unknown[] }>('GET /v1/images', { as })).images;
    assert.deepEqual([(await seen(mallory)).length, (await seen(alice)).length], [0, 1]);
  });

  void test('usage', async () => {
    type Usage = { usage: { memberId: string; warmings: number; bytesFetched: number; clusters: number }[] };
    const { usage } = await api.succeed<Usage>('GET /v1/usage', { as: alice });
    // The warming; the deployment that ran, which was scaled, too; one that ran without a word of bytes.
    const [row, ...more] = usage.filter(({ bytesFetched }) => bytesFetched > 0);
    assert.deepEqual(
      [row?.memberId, row?.warmings, row?.bytesFetched, row?.clusters, more.length],
      ['alice', 1, 3, 2, 0],
    );
    const month = new Date().toISOString().slice(0, 7);
    const all = await api.succeed<Usage & { next: string }>('GET /v1/usage', {
      ...{ as: olga, query: { month, everybody: 'true' } },
    });
    assert.deepEqual(all.usage, usage);
    // What runs is on the pages behind: nothing does.
    const running = { everybody: 'true', next: all.next };
    assert.deepEqual(await api.succeed('GET /v1/usage', { as: olga, query: running }), { month, usage: [] });
    const there = await api.succeed<Usage>('GET /v1/usage', { as: oscar, query: { siteId: 'naist' } });
    assert.deepEqual(there.usage, usage);
    await api.refuse('FORBIDDEN', 'GET /v1/usage', { as: mallory, query: { siteId: 'naist' } });
    await api.refuse('NOT_FOUND', 'GET /v1/usage', { as: olga, query: { siteId: 'nowhere' } });
    await api.refuse('INVALID_REQUEST', 'GET /v1/usage', { as: olga, query: { siteId: 'naist', everybody: 'true' } });
    const hers = await api.succeed<Usage>('GET /v1/usage', { as: olga, query: { memberId: 'alice' } });
    assert.deepEqual(hers.usage, usage);
    assert.deepEqual((await api.succeed<Usage>('GET /v1/usage', { as: mallory })).usage, []);
    await api.refuse('FORBIDDEN', 'GET /v1/usage', { as: mallory, query: { memberId: 'alice' } });
    await api.refuse('FORBIDDEN', 'GET /v1/usage', { as: mallory, query: { everybody: 'true' } });
  });

  void test('the audit trail', async () => {
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const trail = await api.succeed<{ records: unknown[] }>('GET /v1/audit', {
      as: olga,
      query: { since, site: 'naist' },
    });
    assert.notEqual(trail.records.length, 0);
    await api.refuse('FORBIDDEN', 'GET /v1/audit', { as: alice, query: { since } });
    await api.refuse('INVALID_REQUEST', 'GET /v1/audit', { as: olga, query: { since, cursor: '?' } });
    const { deployments } = await api.succeed<{ deployments: { deploymentId: string; auditSequence: number }[] }>(
      'GET /v1/deployments',
      { as: alice },
    );
    const day = new Date().toISOString().slice(0, 10);
    const begun = { as: olga, query: { day } };
    const { subjects } = await api.succeed<{ subjects: { id: string }[] }>('GET /v1/audit/subjects', begun);
    const began = new Set(subjects.map(({ id }) => id));
    assert.ok(deployments.every(({ deploymentId }) => began.has(deploymentId)));
    await api.refuse('FORBIDDEN', 'GET /v1/audit/subjects', { ...begun, as: alice });
    await api.refuse('INVALID_REQUEST', 'GET /v1/audit/subjects', { as: olga, query: { day: 'today' } });
    const body = { deploymentIds: deployments.map(({ deploymentId }) => deploymentId), warmingIds: [NEVER_MADE] };
    const { counts } = await api.succeed<{ counts: { records: number }[] }>('POST /v1/audit/counts', {
      as: olga,
      body,
    });
    assert.deepEqual(
      counts.map(({ records }) => records),
      deployments.map(({ auditSequence }) => auditSequence),
    );
    await api.refuse('FORBIDDEN', 'POST /v1/audit/counts', { as: alice, body });
  });

  void test('an agent’s session reaches its own queue, and nothing else', async () => {
    const session = await api.succeed<AgentSession>('POST /v1/sites/{siteId}/session', {
      ...{ as: naist, path: { siteId: 'naist' } },
    });
    const queue = await createSqsJobQueue(() => Promise.resolve(session));
    const receive = () => queue.receive(1, AbortSignal.timeout(10_000));
    const [message] = await receive();
    assert.ok(message);
    await queue.extend(message, 0);
    const [again] = await receive();
    assert.ok(again);
    await queue.delete(again);
    await queue.depth();
    assert.deepEqual(sessionFindings(cloud, session.credentials.accessKeyId, calls), []);
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
    await drained(() => api.refuse('SITE_DRAINING', route, { as: alice, body }));
    await vetoed(() => api.refuse('VETOED', route, { as: alice, body }));
    return accepted;
  }

  async function drained(work: () => Promise<unknown>): Promise<void> {
    const call = { as: oscar, path: { siteId: 'naist' } };
    await api.succeed('PUT /v1/sites/{siteId}/drain', call);
    await work();
    await api.succeed('DELETE /v1/sites/{siteId}/drain', call);
  }

  /** While the operators of naist refuse alice. */
  const vetoed = (work: () => Promise<unknown>) => granted(undefined, work, ['alice']);

  /** While naist has these grants instead of its own, and vetoes. */
  async function granted(grants: unknown, work: () => Promise<unknown>, members: readonly string[] = []) {
    const call = { as: oscar, path: { siteId: 'naist' } };
    const { access } = await api.succeed<Access>('GET /v1/sites/{siteId}/grants', call);
    const set = (body: object) => api.succeed<Access>('PUT /v1/sites/{siteId}/grants', { ...call, body });
    const meanwhile = { ...access, ...(grants !== undefined && { grants }), vetoes: { members } };
    const { version } = (await set(meanwhile)).access;
    await work();
    await set({ ...access, version, vetoes: {} });
  }

  void test('fault 51, fault 53: what every operation of its kind refuses', async () => {
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
      } else if (/\{(?!siteId)/.test(route)) {
        await api.refuse('NOT_FOUND', route, call);
      } else if (route.includes('{siteId}')) {
        await api.refuse('NOT_FOUND', route, { ...call, path: { siteId: 'NAIST' } });
      }
      if (!route.startsWith('GET ')) {
        await api.refuse('REQUEST_TOO_LARGE', route, { ...call, body: 'x'.repeat(300 * 1024) });
      }
      for (const name of [...Object.keys(operation.query?.shape ?? {}), 'unknown'])
        await api.refuse('INVALID_REQUEST', route, { ...call, query: { [name]: '?' } });
    }
  });

  void test('fault 55: a caller who asks too often is told when to come again, and nobody else is', async (t) => {
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

  void test('what nobody delivered, and wishes that nobody works on, are the sweep’s', async () => {
    const tended = { warned: 1, stopped: 1, destroyed: 1 };
    assert.deepEqual(await sweepOldWork(cloud), { found: 1, delivered: 1, announced: 2, ...tended });
  });

  void test('each function may do what it did, and did all that it may', () => {
    assert.deepEqual(functionFindings(cloud.definition, calls), []);
  });

  void test('nothing of the description was left out', () => {
    const isExcused = (key: string): boolean =>
      (key.endsWith(' SERVICE_UNAVAILABLE') && NEVER_BUSY.some((route) => key.startsWith(`${route} `))) ||
      (key.endsWith(' INTERNAL') && UNTROUBLED.some((route) => key.startsWith(`${route} `)));
    const unseen = api.unseen().filter((key) => !isExcused(key));
    assert.deepEqual(unseen, []);
  });
});

interface Access {
  readonly access: { readonly version: number };
}
interface Check {
  readonly agentHeard: boolean;
  readonly refusal?: { readonly code: string };
}
type Kind = 'manifests' | 'indexes' | 'parts';

const objectOf = (objectKind: Kind, bytes: Buffer) => ({
  objectKind,
  sha256: hash('sha256', bytes),
  sizeBytes: bytes.length,
});

/** One disk of one part, of which the control plane knows digests and sizes, and no more. */
function manifestOf(imageId: string, version: number, index: Buffer, part: Buffer): Manifest {
  const described = (bytes: Buffer) => ({ sha256: hash('sha256', bytes), sizeBytes: bytes.length });
  const disk = { sizeBytes: DISK_BYTES, index: described(index), parts: [{ number: 0, ...described(part) }] };
  return {
    ...{ schemaVersion: 1, imageId, imageName: IMAGE_NAME, version, createdAt: '2026-11-23T00:00:00Z' },
    architecture: 'x86_64',
    disks: { frontend: disk, compute: disk },
  };
}
