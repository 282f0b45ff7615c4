/** Bad input and bad luck: a clear message, a stable code, the right exit status, and nothing left behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { copyFile, mkdir, open, readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { ImageVersion } from '#shared/api/images.ts';
import type { Site } from '#shared/api/sites.ts';
import type { Deployment } from '#shared/deployment.ts';
import { imageObjectKey } from '#shared/image/manifest.ts';
import { parseSiteMessage } from '#shared/messages.ts';
import type { Intercept } from '../../local/distribution/edge-location.ts';
import { Member } from '../../local/federation/member.ts';
import type { ProgramResult } from '../../local/federation/program.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { IMAGE_NAME, type RunningFederation, runFederation } from '../helpers/running-federation.ts';

const LIMIT = { timeout: 600_000 };

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1200, prepare: prepareGuest('sample') })) {
  describe('bad input', LIMIT, () => {
    const undo = new AsyncDisposableStack();
    let running: RunningFederation;
    /** What the edges do to a part that they are about to send. */
    let fault: ((location: string, body: Buffer) => Buffer) | undefined;
    const intercept: Intercept = ({ location, path: objectPath }, answer) => {
      if (fault === undefined || !objectPath.includes('/parts/') || !Buffer.isBuffer(answer.body)) return answer;
      return { ...answer, body: fault(location, answer.body) };
    };

    before(async () => {
      running = await runFederation(undo, {
        siteIds: ['naist', 'tiny'],
        distribution: { intercept },
        agents: { naist: { capacity: { cpus: 3 } } },
        // The site `tiny` has no room for the image.
        beforeAgents: async ({ agents }) => {
          const cache = path.join(agents.get('tiny')?.stateDirectory ?? '', 'cache');
          await mkdir(cache);
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', cache]);
          undo.defer(() => void execFileSync('umount', [cache]));
        },
      });
    }, LIMIT);
    after(() => undo.disposeAsync(), LIMIT);
    afterEach(() => (fault = undefined));

    /** Exit status, code and text of what was refused; nothing was printed as data. */
    const assertRefused = (result: ProgramResult, exitCode: number, code: string, text: RegExp): void => {
      assert.equal(result.exitCode, exitCode, result.stderr);
      assert.match(result.stderr, new RegExp(`^edgeboot: ${code}: `, 'm'));
      assert.match(result.stderr, text);
      assert.doesNotMatch(result.stderr, /\n\s+at /, 'no stack trace');
      assert.doesNotMatch(result.stderr, /Signature=|Policy=/, 'no grant');
    };
    const deployments = () => running.federation.member.ask<Deployment[]>(['deployment', 'list']);
    const publish = (name: string, disk: string) =>
      running.federation.member.run(['image', 'publish', name, '--frontend', disk]);

    it('an unknown image or site', async () => {
      const { member } = running.federation;
      const key = `${running.keyFile}.pub`;
      const create = (image: string, site: string) =>
        member.run(['deployment', 'create', image, '--site', site, '--key', key]);
      assertRefused(await create('nothing', 'naist'), 66, 'NOT_FOUND', /no image nothing/);
      assertRefused(await create(`${IMAGE_NAME}@9`, 'naist'), 66, 'NOT_FOUND', /version 9/);
      assertRefused(await create(IMAGE_NAME, 'nowhere'), 66, 'NOT_FOUND', /no site nowhere/);
      assert.deepEqual(await deployments(), []);
    });

    it('wrong usage', async () => {
      const { member } = running.federation;
      for (const args of [
        ['deployment', 'create'],
        ['deployment', 'create', IMAGE_NAME, '--site', 'naist', '--computes', 'two'],
        ['deployment', 'show', '../x'],
        ['image', 'publish', 'Bad Name', '--frontend', '/dev/null'],
        ['nonsense'],
      ]) {
        assert.equal((await member.run(args)).exitCode, 64, args.join(' '));
      }
    });

    it('no token, an expired one, one for another audience', async () => {
      const { cloud } = running.federation;
      const stranger = new Member({ id: 'nobody', groups: [] }, path.join(running.directory, 'people/nobody'));
      assertRefused(await stranger.run(['site', 'list']), 77, 'UNAUTHENTICATED', /edgeboot login/);
      const ask = async (token?: string) => {
        const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
        return (await fetch(`${cloud.apiUrl}/v1/sites`, headers && { headers })).status;
      };
      assert.equal(await ask(), 401);
      assert.equal(await ask(await cloud.issuer.issueToken('alice', { exp: 1 })), 401);
      assert.equal(await ask(await cloud.issuer.issueToken('alice', { aud: 'https://elsewhere.test' })), 401);
      assert.equal(await ask(await cloud.issuer.issueToken('alice')), 200);
    });

    it('a dry run of publishing says what is missing, and makes nothing', async () => {
      const { member } = running.federation;
      const dryRun = (name: string) =>
        member.ask<{ upload: { uploadedObjects: number; presentObjects: number } }>([
          ...['image', 'publish', name, '--frontend', running.disks.frontendDisk, '--dry-run'],
        ]);
      const known = await dryRun(IMAGE_NAME);
      assert.equal(known.upload.uploadedObjects, 0);
      assert.ok(known.upload.presentObjects > 0);
      const unknown = await dryRun('never-made');
      assert.equal(unknown.upload.uploadedObjects, known.upload.presentObjects);
      assert.equal((await member.run(['image', 'show', 'never-made'])).exitCode, 66);
    });

    it('a member without the right to the site, or to publish', async () => {
      const { guest } = running.federation;
      const key = `${running.keyFile}.pub`;
      const create = await guest.run(['deployment', 'create', IMAGE_NAME, '--site', 'naist', '--key', key]);
      assertRefused(create, 77, 'FORBIDDEN', /no grant of naist is for /);
      const warm = await guest.run(['image', 'warm', IMAGE_NAME, '--site', 'naist']);
      assertRefused(warm, 77, 'FORBIDDEN', /no grant of naist is for /);
      const publishing = await guest.run(['image', 'publish', 'mine', '--frontend', running.disks.frontendDisk]);
      assertRefused(publishing, 77, 'FORBIDDEN', /only members of publishers/);
      assertRefused(
        await guest.run(['site', 'register', 'mine', '--group', 'g']),
        77,
        'FORBIDDEN',
        /federation-operators/,
      );
    });

    it('a qcow2 that was renamed .raw, and a disk that starts with LVM', async () => {
      const qcow2 = path.join(running.directory, 'renamed.raw');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', qcow2, '64M']);
      assertRefused(await publish('renamed', qcow2), 65, 'IMAGE_NOT_COMPLIANT', /qcow2/i);

      const lvm = path.join(running.directory, 'lvm.raw');
      await copyFile(running.disks.frontendDisk, lvm);
      const disk = await open(lvm, 'r+');
      const partitionOffset = (await disk.read(Buffer.alloc(4), 0, 4, 446 + 8)).buffer.readUInt32LE() * 512;
      await disk.write(Buffer.alloc(128 * 1024), 0, undefined, partitionOffset);
      await disk.write(Buffer.from('LABELONE'), 0, 8, partitionOffset + 512);
      await disk.write(Buffer.from('LVM2 001'), 0, 8, partitionOffset + 512 + 24);
      await disk.close();
      assertRefused(await publish('lvm', lvm), 65, 'IMAGE_NOT_COMPLIANT', /LVM/);
      const { member } = running.federation;
      assertRefused(await member.run(['image', 'show', 'lvm']), 66, 'NOT_FOUND', /lvm/);

      const empty = path.join(running.directory, 'empty.raw');
      await truncate(empty, 0).catch(async () => (await open(empty, 'w')).close());
      assertRefused(await publish('empty', empty), 65, 'IMAGE_NOT_COMPLIANT', /empty/);
    });

    it('computes beyond the capacity', LIMIT, async () => {
      assertRefused(await running.create('naist', '--computes', '4'), 75, 'NO_CAPACITY', /4 CPUs.*3 CPUs/);
      assert.deepEqual(await running.leftovers(), []);
    });

    it('a bit flipped in every part at every edge', LIMIT, async () => {
      fault = (_location, body) => flipped(body);
      assertRefused(await running.create('naist'), 65, 'PART_CORRUPT', /digest/);
      assert.deepEqual(await running.leftovers(), []);
    });

    it('a manifest that was changed after signing', LIMIT, async () => {
      const { member, cloud } = running.federation;
      const version = await currentVersion();
      const { bucket: Bucket } = cloud.names;
      const key = imageObjectKey(version.imageId, 'manifests', version.manifestSha256);
      const stored = await running.aws.s3.send(new GetObjectCommand({ Bucket, Key: key }));
      const envelope = JSON.parse((await stored.Body?.transformToString()) ?? '') as { payload: string };
      const manifest = Buffer.from(envelope.payload, 'base64').toString().replace('"version":1', '"version":2');
      const changed = Buffer.from(JSON.stringify({ ...envelope, payload: Buffer.from(manifest).toString('base64') }));

      // The publisher's own API refuses it …
      const manifestSha256 = hash('sha256', changed);
      const upload = imageObjectKey(version.imageId, 'manifests', manifestSha256);
      await running.aws.s3.send(new PutObjectCommand({ Bucket, Key: upload, Body: changed }));
      const token = await cloud.issuer.issueToken(member.id);
      const answer = await fetch(`${cloud.apiUrl}/v1/images/${version.imageId}/versions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ manifestSha256 }),
      });
      assert.equal(answer.status, 422);
      assert.equal(((await answer.json()) as { code: string }).code, 'MANIFEST_UNTRUSTED');

      // … and so does a site that is served it in the place of the true one.
      await running.aws.s3.send(new PutObjectCommand({ Bucket, Key: key, Body: changed }));
      cloud.distribution.purge();
      assertRefused(await running.create('tiny'), 65, 'PART_CORRUPT', /manifests/);
      await running.aws.s3.send(
        new PutObjectCommand({ Bucket, Key: key, Body: Buffer.from(JSON.stringify(envelope)) }),
      );
      cloud.distribution.purge();
      assert.deepEqual(await running.leftovers(), []);
    });

    it('a disk that is full', LIMIT, async () => {
      assertRefused(await running.create('tiny'), 74, 'DISK_FULL', /space|full/i);
      assert.deepEqual(await running.leftovers(), []);
      const cache = path.join(running.federation.agents.get('tiny')?.stateDirectory ?? '', 'cache');
      const files = await readdir(cache, { recursive: true });
      assert.deepEqual(
        files.filter((name) => name.includes('disk.raw')),
        [],
        'the space is given back',
      );
      const warm = (...more: string[]) =>
        running.federation.member.run(['image', 'warm', IMAGE_NAME, '--site', 'tiny', '--wait', ...more]);
      const kept = await warm('--keep');
      assert.equal(kept.exitCode, 74, kept.stderr);
      assert.match(kept.stderr, /^edgeboot: DISK_FULL: /m);
      assert.equal((await warm()).exitCode, 0, 'what is not kept needs no space');
    });

    it(
      'a signed query that expired while the message waited is renewed, a bit flipped at one edge is fetched from the next',
      LIMIT,
      async () => {
        const { federation, aws } = running;
        const agent = federation.agents.get('naist');
        fault = (location, body) => (location === 'NRT' ? flipped(body) : body);
        await agent?.stop();
        const creating = running.run('naist');
        const { QueueUrl } = await aws.sqs.send(new GetQueueUrlCommand({ QueueName: 'edgeboot-local-site-naist' }));
        const { Messages } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
        const message = parseSiteMessage(Messages?.[0]?.Body ?? '');
        await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages?.[0]?.ReceiptHandle }));
        const stale = {
          ...message,
          grant: message.grant && { ...message.grant, ...expiredGrant(message.grant.resource) },
        };
        await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(stale) }));
        await agent?.start();
        const deployment = await creating;
        assert.equal(deployment.phase, 'RUNNING');
        assert.ok(deployment.timeline?.edgeLocations.some((location) => !location.startsWith('NRT')));
        await running.destroy(deployment);
      },
    );

    it('leaves the sites as they were', async () => {
      assert.deepEqual(await running.leftovers(), []);
      const sites = await running.federation.member.ask<Site[]>(['site', 'list']);
      assert.deepEqual(
        sites.map(({ siteId }) => siteId),
        ['naist', 'tiny'],
      );
      for (const { phase } of await deployments()) assert.match(phase, /^(FAILED|TERMINATED)$/);
    });

    async function currentVersion(): Promise<ImageVersion> {
      const image = await running.federation.member.ask<{ versions: ImageVersion[] }>(['image', 'show', IMAGE_NAME]);
      const version = image.versions.at(-1);
      assert.ok(version);
      return version;
    }

    /** Signed by the right key, for the right image, until a minute ago. */
    function expiredGrant(resource: string): { signedQuery: string; expiresAt: string } {
      const pair = running.federation.cloud.keyGroup[0];
      assert.ok(pair);
      const expiresAtSeconds = Math.floor(Date.now() / 1000) - 60;
      const condition = { DateLessThan: { 'AWS:EpochTime': expiresAtSeconds } };
      const policy = JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] });
      const { keyPairId, privateKeyPem: privateKey } = pair;
      const url = getSignedUrl({ url: resource, keyPairId, privateKey, policy, algorithm: 'SHA256' });
      return { signedQuery: new URL(url).search.slice(1), expiresAt: new Date(expiresAtSeconds * 1000).toISOString() };
    }
  });
}

function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = Math.floor(copy.length / 2);
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
