/** `npm run rebuild` on the embedded cloud: rows are deleted, the catalog comes back from the bucket, and deployments work again. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { DeleteItemCommand, paginateScan, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { ApiClient } from '#shared/api-client.ts';
import { enrollResponse } from '#shared/api/agents.ts';
import { deploymentResponse } from '#shared/api/deployments.ts';
import { imageListResponse, imageResponse } from '#shared/api/images.ts';
import { registerSiteResponse, showSiteResponse } from '#shared/api/sites.ts';
import { imageObjectKey, type ImageObjectKind, type Manifest } from '#shared/image/manifest.ts';
import { issueCertificate } from '#shared/image/publisher-certificate.ts';
import { signManifest } from '#shared/image/signed-manifest.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import * as z from 'zod';
import { createFederationApi } from '../../edge-agent/adapters/http-federation-api.ts';
import { type AwsClients, awsClients } from '../../local/aws/services.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { runProgram } from '../../local/federation/program.ts';
import { SSH_KEY } from '../helpers/model-samples.ts';
import { makeSmallestDisk } from '../helpers/smallest-disk.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';
import { writeSession } from '../helpers/write-session.ts';
import { edgeboot } from './cli/edgeboot-process.ts';

const IMAGE = 'tiny';
const OLGA = { id: 'olga', groups: ['federation-operators'] };
const ALICE = { id: 'alice', groups: ['publishers', 'members'] };
const BOB = { id: 'bob', groups: ['members'] };
const MAIN = path.resolve(import.meta.dirname, '../../functions/rebuild-catalog/main.ts');
const GONE = { code: 'NOT_FOUND' };

void suite('the catalog comes back from the bucket', { timeout: 120_000 }, () => {
  const undo = new AsyncDisposableStack();
  const [root, publisher, agentKey] = [newKeyPair(), newKeyPair(), newKeyPair()];
  let cloud: Cloud;
  let aws: AwsClients;
  let members: Readonly<Record<'olga' | 'alice' | 'bob', ApiClient>>;
  let agent: ReturnType<typeof createFederationApi>;
  let environment: Readonly<Record<string, string>>;
  let disk: string;

  before(async () => {
    cloud = undo.adopt(
      await startCloud({ members: [OLGA, ALICE, BOB], rootPublicKeyPem: root.publicKeyPem, log: () => undefined }),
      (started) => started.close(),
    );
    aws = undo.adopt(awsClients(cloud.endpoints), (clients) => clients.destroy());
    const client = (id: string) =>
      undo.adopt(new ApiClient(cloud.apiUrl, async () => `Bearer ${await cloud.issuer.issueToken(id)}`), (one) =>
        one.close(),
      );
    members = { olga: client('olga'), alice: client('alice'), bob: client('bob') };
    const folder = undo.use(await createTemporaryFolder()).path;
    environment = await aliceAtHome(folder);
    disk = path.join(folder, 'disk.raw');
    await makeSmallestDisk(disk);
    agent = await enrollSite();
    const subject = { memberId: 'alice', publicKeyPem: publisher.publicKeyPem, notAfter: '2099-01-01T00:00:00Z' };
    const certificate = issueCertificate(subject, root.privateKeyPem).toString();
    await post(members.olga, '/v1/publishers', { certificate });
    await command('image', 'publish', IMAGE, '--frontend', disk);
    await command('image', 'publish', IMAGE, '--frontend', disk);
  });
  after(() => undo.disposeAsync());

  /** Her session and her key, as `edgeboot` keeps them. */
  async function aliceAtHome(folder: string): Promise<Record<string, string>> {
    const directory = path.join(folder, 'config');
    await mkdir(directory, { mode: 0o700 });
    const { issuerUrl: issuer, audience } = cloud.issuer;
    const accessToken = await cloud.issuer.issueToken('alice');
    await writeSession(directory, { apiUrl: cloud.apiUrl, issuer, audience, accessToken });
    await writeFile(path.join(directory, 'publishing-key.pem'), publisher.privateKeyPem, { mode: 0o600 });
    return { EDGEBOOT_CONFIG_DIRECTORY: directory };
  }

  async function enrollSite() {
    const site = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'] };
    const { enrollmentToken: token } = await post(members.olga, '/v1/sites', site, registerSiteResponse);
    const enrollment = { token, publicKeyPem: agentKey.publicKeyPem };
    const { audience } = await post(members.olga, '/v1/enrollments', enrollment, enrollResponse);
    const { privateKeyPem } = agentKey;
    const identity = { siteId: 'naist', agentId: 'a', audience, privateKeyPem, rootPublicKeyPem: root.publicKeyPem };
    return createFederationApi(cloud.apiUrl, identity);
  }

  async function post<T extends z.ZodType>(api: ApiClient, to: string, body: unknown, answer?: T): Promise<z.infer<T>> {
    return api.call({ method: 'POST', path: to, body, answer: answer ?? z.unknown() }) as Promise<z.infer<T>>;
  }

  async function command(...args: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await edgeboot(args, environment);
    assert.equal(exitCode, 0, stderr);
  }

  async function deploy(who: ApiClient, imageVersion?: number) {
    const wish = { imageName: IMAGE, siteId: 'naist', computes: 0, sshPublicKeys: [SSH_KEY] };
    const body = { ...wish, ...(imageVersion !== undefined && { imageVersion }) };
    return (await post(who, '/v1/deployments', body, deploymentResponse)).deployment;
  }

  const readImage = () => members.alice.call({ method: 'GET', path: `/v1/images/${IMAGE}`, answer: imageResponse });

  /** Deletes what has such keys. */
  async function lose(matches: (pk: string, sk: string) => boolean): Promise<void> {
    const TableName = cloud.names.table;
    for await (const page of paginateScan({ client: aws.dynamoDb }, { TableName })) {
      for (const { pk, sk } of page.Items ?? []) {
        if (pk?.S === undefined || sk?.S === undefined || !matches(pk.S, sk.S)) continue;
        await aws.dynamoDb.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }));
      }
    }
  }
  const ofImages = (pk: string): boolean => pk.startsWith('IMAGE');

  async function rebuild(): Promise<string[]> {
    const { table: TABLE_NAME, bucket: IMAGE_BUCKET } = cloud.names;
    const env = { ...cloud.environment, TABLE_NAME, IMAGE_BUCKET };
    const { exitCode, stdout, stderr } = await runProgram(process.execPath, [MAIN], { env });
    assert.equal(exitCode, 0, stderr);
    return stdout.split('\n').filter((line) => /^(?:restored|left out) /.test(line));
  }

  /** Answers its name. */
  async function putObject(imageId: string, objectKind: ImageObjectKind, content: Buffer): Promise<string> {
    const sha256 = hash('sha256', content);
    const Key = imageObjectKey(imageId, objectKind, sha256);
    await aws.s3.send(new PutObjectCommand({ Bucket: cloud.names.bucket, Key, Body: content }));
    return sha256;
  }

  void test('nothing is written where nothing is missing', async () => {
    const present = await readImage();
    assert.deepEqual(await rebuild(), []);
    assert.deepEqual(await readImage(), present);
  });

  void test('all rows of the images are gone: what was published can be deployed again, by its owner alone', async () => {
    const { versions: published } = await readImage();
    const { deploymentId } = await deploy(members.bob);
    await lose(ofImages);
    await assert.rejects(deploy(members.alice), GONE);
    assert.deepEqual(await rebuild(), [`restored  ${IMAGE}`, `restored  ${IMAGE}@1`, `restored  ${IMAGE}@2`]);

    const { versions, ...image } = await readImage();
    assert.deepEqual([image.ownerId, image.latestVersion, image.sharing], ['alice', 2, { with: 'owner' }]);
    const withoutTime = (all: typeof versions) => all.map((one) => ({ ...one, createdAt: '' }));
    assert.deepEqual(withoutTime(versions), withoutTime(published), 'but for the moment when the API took it');
    const { imageVersion, ...deployment } = await deploy(members.alice);
    assert.equal(imageVersion, 2);
    for (const id of [deploymentId, deployment.deploymentId]) {
      const job = await agent.readJob(id, AbortSignal.timeout(10_000));
      assert.equal(job.image.manifestSha256, job.deployment.manifestSha256);
    }
    await assert.rejects(deploy(members.bob), GONE);
    await command('image', 'share', IMAGE, '--members');
    await deploy(members.bob);
    assert.deepEqual(await rebuild(), [], 'run again, it has nothing to do');
    await command('image', 'publish', IMAGE, '--frontend', disk);
    assert.equal((await readImage()).latestVersion, 3);
  });

  void test('a recall outlives the rows, where its gates are left', async () => {
    await command('image', 'recall', `${IMAGE}@3`, '--reason', 'it holds a key');
    await lose((pk, sk) => ofImages(pk) && !sk.startsWith('GATE#'));
    const lines = await rebuild();
    assert.equal(lines.at(-1), `left out  ${IMAGE}@3: it was recalled`);
    assert.deepEqual(
      lines.slice(0, -1).sort(),
      [IMAGE, `${IMAGE}@1`, `${IMAGE}@2`].map((what) => `restored  ${what}`),
    );
    await assert.rejects(deploy(members.alice, 3), GONE);
    assert.equal((await readImage()).latestVersion, 3, 'its number is not given again');
  });

  void test('what nobody can vouch for is left out, and said', async () => {
    const { imageId } = await readImage();
    const index = { sha256: await putObject(imageId, 'indexes', Buffer.from('index')), sizeBytes: 5 };
    const put = (manifest: Manifest, { privateKeyPem } = publisher) =>
      putObject(imageId, 'manifests', signManifest(manifest, privateKeyPem));
    const manifest: Manifest = {
      ...{ schemaVersion: 1, imageId, imageName: IMAGE, version: 2, createdAt: '2026-11-23T00:00:00Z' },
      ...{ architecture: 'x86_64', disks: { frontend: { sizeBytes: 4096, index, parts: [] } } },
    };
    const strangers = await put({ ...manifest, version: 9 }, newKeyPair());
    const ofAnother = await put({ ...manifest, imageId: ulid() });
    const part = { number: 0, sha256: 'f'.repeat(64), sizeBytes: 1 };
    const frontend = { sizeBytes: 4096, index, parts: [part] };
    const incomplete = await put({ ...manifest, version: 8, disks: { frontend } });
    await put({ ...manifest, version: 7 });
    await put(manifest);
    await lose((_pk, sk) => sk === 'VERSION#0000000002');
    const lines = await rebuild();
    for (const expected of [
      new RegExp(`^left out {2}manifest ${strangers} .*nobody who has a certificate`),
      new RegExp(`^left out {2}manifest ${ofAnother} .*of another image`),
      new RegExp(`^left out {2}manifest ${incomplete} .*1 objects of the manifest are not in the bucket`),
      /^left out {2}tiny@7: it was never published: the catalog ends at 3$/,
      /^left out {2}tiny@2: 2 manifests say that they are this version/,
    ]) {
      assert.equal(lines.filter((line) => expected.test(line)).length, 1, `${String(expected)}\n${lines.join('\n')}`);
    }
    assert.equal(lines.filter((line) => line.startsWith('restored')).length, 0);
  });

  void test('what is known of a site now comes back with its next heartbeat', async () => {
    const cached = [{ imageId: (await readImage()).imageId, version: 1, cachedBytes: 5 }];
    const free = { cpus: 4, memoryMiB: 4096, publicAddresses: 2 };
    const seen = async () =>
      (await members.alice.call({ method: 'GET', path: '/v1/sites/naist', answer: showSiteResponse })).site;
    await agent.announce({ free, cached });
    await aws.dynamoDb.send(
      new UpdateItemCommand({
        TableName: cloud.names.table,
        Key: { pk: { S: 'SITE#naist' }, sk: { S: 'SITE' } },
        UpdateExpression: 'REMOVE lastSeen, #free, agentVersion, cached',
        ExpressionAttributeNames: { '#free': 'free' },
      }),
    );
    const { silent, cached: nothing } = await seen();
    assert.deepEqual([silent, nothing], [true, []]);
    await agent.announce({ free, cached });
    const site = await seen();
    assert.deepEqual([site.silent, site.free, site.cached.length], [false, free, 1]);
  });

  void test('the restored images are in the catalog’s list', async () => {
    const { images } = await members.alice.call({ method: 'GET', path: '/v1/images', answer: imageListResponse });
    assert.deepEqual(
      images.map(({ imageName }) => imageName),
      [IMAGE],
    );
  });
});
