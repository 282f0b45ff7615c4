/** Bad input ends with a clear text and its exit status, never with a stack trace. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ERROR_KINDS } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { EDGEBOOT } from '../../../local/federation/program.ts';
import { makeSmallestDisk } from '../../helpers/smallest-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { edgeboot, json, playApi, STACK_LINE } from './edgeboot-process.ts';

const run = promisify(execFile);

/** A folder with keys, and a file where a folder should be; answers its files' paths. */
async function prepare(folder: string) {
  const file = (name: string): string => path.join(folder, name);
  const { privateKeyPem, publicKeyPem } = newKeyPair();
  await Promise.all([
    writeFile(file('root.pem'), privateKeyPem),
    writeFile(file('public.pem'), publicKeyPem),
    writeFile(file('occupied'), ''),
  ]);
  return file;
}

const certify = (member: string, file: (name: string) => string, ...more: string[]): string[] => [
  ...['publisher', 'certify', member, '--root-key', file('root.pem'), '--public-key', file('public.pem'), ...more],
];

interface Case {
  readonly what: string;
  readonly args: (file: (name: string) => string) => readonly string[];
  /** The member's own folder. */
  readonly config?: string;
  readonly exitCode: number;
  readonly words: RegExp;
}

const CASES: readonly Case[] = [
  { what: 'no command', args: () => [], exitCode: 64, words: /^Usage: edgeboot / },
  { what: 'no sub-command', args: () => ['image'], exitCode: 64, words: /^Usage: edgeboot image / },
  { what: 'an unknown command', args: () => ['imagine'], exitCode: 64, words: /unknown command[^]*^Usage: edgeboot /m },
  {
    what: 'an unknown sub-command',
    args: () => ['image', 'paint'],
    exitCode: 64,
    words: /unknown command[^]*^Usage: edgeboot image /m,
  },
  {
    what: 'a required option that is missing',
    args: () => ['image', 'publish', 'x'],
    exitCode: 64,
    words: /'--frontend <disk>' not specified[^]*^Usage: edgeboot image publish /m,
  },
  {
    what: 'a warming at no site',
    args: () => ['image', 'warm', 'x'],
    exitCode: 64,
    words: /'--site <site>' not specified[^]*^Usage: edgeboot image warm /m,
  },
  {
    what: 'a warming at what can be no site',
    args: () => ['image', 'warm', 'x', '--site', '../x'],
    exitCode: 64,
    words: /"\.\.\/x" is no site\n.*edgeboot site list/,
  },
  {
    what: 'a warming of what is no image',
    args: () => ['image', 'warm', 'x@New', '--site', 'naist'],
    exitCode: 64,
    words: /neither NAME nor NAME@VERSION nor NAME@CHANNEL/,
  },
  {
    what: 'deployments of a channel',
    args: () => ['deployment', 'list', '--image', 'x@stable'],
    exitCode: 64,
    words: /a deployment has a version, and no channel/,
  },
  {
    what: 'deployments in a phase that there is not',
    args: () => ['deployment', 'list', '--phase', 'running,asleep'],
    exitCode: 64,
    words: /phases are accepted, fetching/,
  },
  {
    what: 'a channel to set that is a version',
    args: () => ['image', 'channel', 'set', 'x@3', '4'],
    exitCode: 64,
    words: /"x@3" names no channel: NAME@CHANNEL is needed/,
  },
  {
    what: 'a version to delete that is a channel',
    args: () => ['image', 'delete', 'x@stable'],
    exitCode: 64,
    words: /"x@stable" names no version: NAME@VERSION is needed/,
  },
  {
    what: 'a deprecation without a reason',
    args: () => ['image', 'deprecate', 'x@1'],
    exitCode: 64,
    words: /give --reason TEXT, or --undo/,
  },
  {
    what: 'an image shared with two kinds of members at once',
    args: () => ['image', 'share', 'x', '--members', '--private'],
    exitCode: 64,
    words: /give one of --members, --groups A,B and --private/,
  },
  {
    what: 'an image shared with what can be no group',
    args: () => ['image', 'share', 'x', '--groups', 'physics,high energy'],
    exitCode: 64,
    words: /--groups takes up to 32 names of groups/,
  },
  {
    what: 'no id of a warming',
    args: () => ['image', 'warming', '../x'],
    exitCode: 64,
    words: /"\.\.\/x" is no id of a warming/,
  },
  {
    what: 'a site to warm that can be none, before the disks are looked at',
    args: () => ['image', 'publish', 'x', '--frontend', 'nothing.raw', '--warm', 'naist,,ucsd'],
    exitCode: 64,
    words: /"" is no site/,
  },
  { what: 'nobody logged in', args: () => ['site', 'list'], exitCode: 77, words: /edgeboot login --api/ },
  {
    what: 'a configuration folder that is none',
    args: () => ['publisher', 'key'],
    config: 'occupied',
    exitCode: 78,
    words: /occupied/,
  },
  { what: 'a nameless member', args: (file) => certify('', file), exitCode: 64, words: /1 to 255 characters/ },
  {
    what: 'a certificate for ever',
    args: (file) => certify('alice', file, '--days', '100000000000'),
    exitCode: 64,
    words: /--days must be a whole number from 1 to /,
  },
  {
    what: 'a certificate for no time',
    args: (file) => certify('alice', file, '--days', '0'),
    exitCode: 64,
    words: /--days must be a whole number from 1 to /,
  },
  {
    what: 'a public key for the root key',
    args: (file) => [...certify('alice', file), '--root-key', file('public.pem')],
    exitCode: 64,
    words: /public\.pem holds no Ed25519 private key/,
  },
];

for (const { what, args, config = 'config', exitCode, words } of CASES) {
  test(what, async () => {
    await using folder = await createTemporaryFolder();
    const file = await prepare(folder.path);
    const ended = await edgeboot(args(file), { EDGEBOOT_CONFIG_DIRECTORY: file(config) }, folder.path);
    assert.match(ended.stderr, words);
    assert.equal(ended.exitCode, exitCode);
    assert.equal(ended.stdout, '');
    assert.doesNotMatch(ended.stderr, STACK_LINE);
  });
}

test('an issuer that would get tokens over plain HTTP is refused', async () => {
  const metadata = { resource: 'https://api.example.org', authorization_servers: ['http://issuer.example.org'] };
  await using api = await playApi(() => json(200, metadata));
  const { exitCode, stderr } = await edgeboot(['login', '--api', api.url], api.environment);
  assert.equal(exitCode, 64);
  assert.match(stderr, /issuer http:\/\/issuer\.example\.org .*\n.*https:\/\//);
});

test('a member without a certificate learns it before anything is sent', async () => {
  await using folder = await createTemporaryFolder();
  const disk = path.join(folder.path, 'disk.raw');
  await makeSmallestDisk(disk);
  const begun = { imageId: '01JD0000000000000000000000', imageName: 'x', nextVersion: 1 };
  await using api = await playApi(() => json(200, { ...begun, rootPublicKeyPem: 'x' }));
  const { exitCode, stderr } = await edgeboot(['image', 'publish', 'x', '--frontend', disk], api.environment);
  assert.equal(exitCode, 77);
  assert.match(stderr, /edgeboot publisher key/);
  assert.deepEqual(
    api.requests.map(({ operation }) => operation),
    ['POST /v1/images', 'GET /v1/trust'],
  );
});

test('an empty XDG_CONFIG_HOME counts as absent: nothing is written where the command was called', async () => {
  await using folder = await createTemporaryFolder();
  const [home, here] = [path.join(folder.path, 'home'), path.join(folder.path, 'here')];
  await Promise.all([mkdir(home), mkdir(here)]);
  const environment = { HOME: home, XDG_CONFIG_HOME: '', EDGEBOOT_CONFIG_DIRECTORY: '' };
  assert.equal((await edgeboot(['publisher', 'key'], environment, here)).exitCode, 0);
  assert.deepEqual(await readdir(here), []);
  assert.match(await readFile(path.join(home, '.config/edgeboot/publishing-key.pem'), 'utf8'), /PRIVATE KEY/);
});

test('the help names every exit status', async () => {
  const { exitCode, stdout, stderr } = await edgeboot(['--help'], {});
  assert.equal(exitCode, 0);
  assert.equal(stderr, '');
  for (const code of new Set(Object.values(ERROR_KINDS).map((kind) => kind.exitCode))) {
    assert.match(stdout, new RegExp(`^.*\\b${code} {2}\\w`, 'm'));
  }
});

test('an output that cannot be written is an error with a status, not a stack trace', async () => {
  await using folder = await createTemporaryFolder();
  await using full = await open('/dev/full', 'w');
  const child = spawn(EDGEBOOT, ['publisher', 'key'], {
    env: { ...process.env, EDGEBOOT_CONFIG_DIRECTORY: folder.path },
    stdio: ['ignore', full.fd, 'pipe'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (words += chunk));
  assert.deepEqual(await once(child, 'close'), [74, null]);
  assert.match(words, /ENOSPC/);
  assert.doesNotMatch(words, STACK_LINE);
});

test('setup/run.mjs knows its own commands only', async () => {
  const script = path.resolve(import.meta.dirname, '../../../setup/run.mjs');
  for (const name of ['toString', 'constructor', '__proto__']) {
    await assert.rejects(run(process.execPath, [script, name]), { code: 64, stderr: /^usage: / });
  }
});
