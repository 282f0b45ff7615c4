/** The federation's first day: a stranger is refused, a publisher is certified, sites are registered, an image is published. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImageVersion } from '#shared/api/images.ts';
import { EdgebootError, ERROR_KINDS } from '#shared/errors.ts';
import { makeCompliantDisk } from '../../helpers/compliant-disk.ts';
import { makeKeys } from '../keys.ts';
import { ask, MEMBER, openPerson, OPERATOR } from '../people.ts';
import { need, type Step } from '../step.ts';
import { IDLE_SITE, IMAGE_NAME } from './names.ts';
import { takeMessage } from './take-message.ts';

export const FEDERATION: readonly Step[] = [
  {
    name: 'show a token of another issuer',
    why: 'the authorizer must have read the published keys, and refuse what they did not sign',
    makes: () => [],
    costs: 'a few requests to the API',
    run: async (run) => {
      run.facts.operator = await openPerson(OPERATOR, run);
      run.facts.member = await openPerson(MEMBER, run);
      await ask(run, 'operator', 'site', 'list');
      const stranger = await openPerson(OPERATOR, run, await makeKeys(), 'stranger');
      run.counts.commands += 1;
      const { exitCode } = await stranger.run(['site', 'list'], undefined, run.signal);
      if (exitCode !== ERROR_KINDS.UNAUTHENTICATED.exitCode) {
        throw new EdgebootError('INTERNAL', `a token of another issuer ended with exit status ${exitCode}`);
      }
      return 'ours is let in, the other is not';
    },
    undo: [],
  },
  {
    name: 'certify a publisher',
    why: 'the root key, which AWS never sees, signs the key of a member',
    makes: ({ table }) => [`rows of ${table}`],
    costs: 'a few requests to the API',
    run: async (run) => {
      const { publicKeyPem } = await ask<{ publicKeyPem: string }>(run, 'member', 'publisher', 'key');
      const [rootKey, memberKey] = [path.join(run.folder, 'root-key.pem'), path.join(run.folder, 'member-key.pem')];
      await writeFile(rootKey, need(run, 'keys').root.privateKeyPem, { mode: 0o600 });
      await writeFile(memberKey, publicKeyPem);
      const args = ['--root-key', rootKey, '--public-key', memberKey];
      await ask(run, 'operator', 'publisher', 'certify', MEMBER.id, ...args);
      return MEMBER.id;
    },
    undo: [],
  },
  {
    name: 'publish an image',
    why: 'cut, signed, uploaded through presigned URLs into the bucket',
    makes: ({ bucket, table }) => [`objects below images/ of ${bucket}`, `rows of ${table}`],
    costs: 'about ten PUTs, and half a megabyte for as long as it lies there',
    run: async (run) => {
      const disk = path.join(run.folder, 'frontend.raw');
      await makeCompliantDisk(disk);
      const image = await ask<ImageVersion & { upload: { uploadedObjects: number; uploadedBytes: number } }>(
        ...([run, 'member', 'image', 'publish', IMAGE_NAME, '--frontend', disk] as const),
      );
      run.facts.image = image;
      const { uploadedObjects, uploadedBytes } = image.upload;
      run.counts.putRequests += uploadedObjects;
      run.counts.storedBytes += uploadedBytes;
      return `${image.imageName}@${image.version}: ${uploadedObjects} objects, ${uploadedBytes} bytes`;
    },
    undo: [],
  },
  {
    name: 'look at a message in a real queue',
    why: 'a deployment for a site without an agent: its message, with the signed URLs, is taken by this program',
    makes: ({ queues, table }) => [`the queue ${queues}site-${IDLE_SITE}`, `rows of ${table}`],
    costs: 'a few queue operations',
    run: takeMessage,
    undo: [],
  },
];
