/** `edgeboot image pack`: what it writes is read back by the project's own readers, and by the tools of the time: cat and gunzip. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { FrameIndex } from '#shared/image/frame-index.ts';
import { type DiskDescription, imageObjectKey, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { openSignedManifest } from '#shared/image/signed-manifest.ts';
import { readVcIn } from '#shared/vc-xml/read-vc-in.ts';
import { DISK_FILE_TYPES, type DiskFile } from '#shared/vc-xml/vc-in.ts';
import { parseVcdb } from '#shared/vc-xml/vcdb.ts';
import { PIECE_BYTES } from '../../../cli/pack/legacy-disk.ts';
import { EDGEBOOT } from '../../../local/federation/program.ts';
import { makeCompliantDisk } from '../../helpers/compliant-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { edgeboot, STACK_LINE } from './edgeboot-process.ts';

const MIB = 1024 * 1024;

async function prepare() {
  const folder = await createTemporaryFolder();
  const file = (...names: string[]): string => path.join(folder.path, ...names);
  const environment = { EDGEBOOT_CONFIG_DIRECTORY: file('config') };
  await makeCompliantDisk(file('frontend.raw'));
  const pack = (...args: string[]) => edgeboot(['image', 'pack', ...args], environment, folder.path);
  const packGood = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await pack(...args);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  const index = async () => parseVcdb(await readFile(file('repo', 'vcdb.txt')));
  return { file, environment, pack, packGood, index, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
type Made = Awaited<ReturnType<typeof prepare>>;

/** The disk that the parts of a native image make, checked against its index. */
async function assembled({ file }: Made, imageId: string, disk: DiskDescription): Promise<Buffer> {
  const read = (kind: 'indexes' | 'parts', sha256: string) =>
    readFile(file('repo', imageObjectKey(imageId, kind, sha256)));
  FrameIndex.decode(await read('indexes', disk.index.sha256), disk);
  const raw = Buffer.alloc(disk.sizeBytes);
  for (const { number, sha256, sizeBytes } of disk.parts) {
    const bytes = await read('parts', sha256);
    assert.equal(bytes.length, sizeBytes);
    assert.equal(hash('sha256', bytes), sha256);
    zstdDecompressSync(bytes).copy(raw, number * PART_SIZE_BYTES);
  }
  return raw;
}

async function readManifest({ file, index }: Made, name: string) {
  const entry = (await index()).find((candidate) => candidate.name === name);
  assert.equal(entry?.kind, 'manifest');
  const [, imageId = ''] = entry.path.split('/');
  const publicKeyPem = await readFile(file('repo/images', imageId, 'publisher.pem'), 'utf8');
  const bytes = await readFile(file('repo', entry.path));
  assert.equal(`${hash('sha256', bytes)}.json`, path.basename(entry.path));
  const manifest = openSignedManifest(bytes, publicKeyPem);
  assert.equal(manifest.imageId, imageId);
  return manifest;
}

test('a native image: signed, complete, byte for byte; a further version writes only what is new', async () => {
  await using made = await prepare();
  await makeCompliantDisk(made.file('compute.raw'), 32 * MIB, []);
  const pack = () =>
    made.packGood('--frontend', 'frontend.raw', '--compute', 'compute.raw', '--name', 'hpc', '--output', 'repo');
  const stdout = await pack();
  const first = await readManifest(made, 'hpc');
  assert.match(stdout, new RegExp(`^hpc,images/${first.imageId}/manifests/[0-9a-f]{64}\\.json\n$`));
  assert.deepEqual([first.imageName, first.version], ['hpc', 1]);
  assert.ok(
    (await assembled(made, first.imageId, first.disks.frontend)).equals(await readFile(made.file('frontend.raw'))),
  );
  assert.ok(first.disks.compute !== undefined);
  assert.ok(
    (await assembled(made, first.imageId, first.disks.compute)).equals(await readFile(made.file('compute.raw'))),
  );

  const [kept = ''] = first.disks.frontend.parts.map(({ sha256 }) => sha256);
  const partFile = made.file('repo', imageObjectKey(first.imageId, 'parts', kept));
  const before = await stat(partFile);
  {
    await using disk = await open(made.file('frontend.raw'), 'r+');
    await disk.write('changed', 50 * MIB);
  }
  await pack();
  const second = await readManifest(made, 'hpc');
  assert.deepEqual([second.imageId, second.version], [first.imageId, 2]);
  assert.equal((await stat(partFile)).ino, before.ino);
  assert.ok(
    (await assembled(made, second.imageId, second.disks.frontend)).equals(await readFile(made.file('frontend.raw'))),
  );
  assert.equal((await made.index()).length, 1);
});

test('formats §3: the line of the same name is replaced, the others stay; another publisher is told apart', async () => {
  await using made = await prepare();
  await mkdir(made.file('repo'));
  await writeFile(
    made.file('repo/vcdb.txt'),
    'rocks-sge,rocks-sge/rocks-sge.xml\nhpc,hpc/hpc.xml\nlast,/srv/last.xml\n',
  );
  await made.packGood('--frontend', 'frontend.raw', '--name', 'hpc', '--output', 'repo');
  const first = await readManifest(made, 'hpc');
  assert.deepEqual(
    (await made.index()).map(({ name }) => name),
    ['rocks-sge', 'hpc', 'last'],
  );
  await rm(made.file('config'), { recursive: true });
  const { stderr } = await made.pack('--frontend', 'frontend.raw', '--name', 'hpc', '--output', 'repo');
  assert.match(stderr, /another publisher/);
  const second = await readManifest(made, 'hpc');
  assert.notEqual(second.imageId, first.imageId);
  assert.equal(second.version, 1);
});

/** As the original tools did it. */
async function restore({ file }: Made, name: string, { type, parts }: DiskFile): Promise<Buffer> {
  const files = parts.map((part) => file('repo', name, part));
  const isCompressed = type === 'gzip' || type === 'splited_gzip';
  await runCommandOrThrow('sh', ['-c', `cat -- "$@" ${isCompressed ? '| gunzip' : ''} >"$0"`, file('whole'), ...files]);
  return readFile(file('whole'));
}

for (const type of DISK_FILE_TYPES) {
  test(`formats §2: an image of type ${type}, which cat and gunzip make whole`, async () => {
    await using made = await prepare();
    await makeCompliantDisk(made.file('compute.raw'), 32 * MIB, []);
    const disks = ['--frontend', 'frontend.raw', '--compute', 'compute.raw'];
    const stdout = await made.packGood(...disks, '--legacy', type, '--name', 'Old_1.0', '--output', 'repo');
    assert.equal(stdout, 'Old_1.0,Old_1.0/Old_1.0.xml\n');
    assert.equal(await readFile(made.file('repo/vcdb.txt'), 'utf8'), stdout);
    const { frontend, compute } = readVcIn(await readFile(made.file('repo/Old_1.0/Old_1.0.xml')));
    assert.ok(compute?.disk !== undefined);
    assert.deepEqual([frontend.disk.type, compute.disk.type], [type, type]);
    assert.ok((await restore(made, 'Old_1.0', frontend.disk)).equals(await readFile(made.file('frontend.raw'))));
    assert.ok((await restore(made, 'Old_1.0', compute.disk)).equals(await readFile(made.file('compute.raw'))));
    if (type === 'raw') {
      const { blocks } = await stat(made.file('repo/Old_1.0/frontend.vda'));
      assert.ok(blocks * 512 < 32 * MIB, 'holes stay holes');
    }
    const again = await made.pack(...disks, '--legacy', type, '--name', 'Old_1.0', '--output', 'repo');
    assert.equal(again.exitCode, 64);
    assert.match(again.stderr, /is there already/);
  });
}

test('formats §2: pieces are gzip members of their own; a hole is not read', async () => {
  await using made = await prepare();
  const sizeBytes = 3 * PIECE_BYTES + MIB;
  await makeCompliantDisk(made.file('large.raw'));
  {
    await using disk = await open(made.file('large.raw'), 'r+');
    await disk.truncate(sizeBytes);
    await disk.write('far away', 2 * PIECE_BYTES + 5);
  }
  await made.packGood('--frontend', 'large.raw', '--legacy', 'splited_gzip', '--name', 'large', '--output', 'repo');
  const { frontend } = readVcIn(await readFile(made.file('repo/large/large.xml')));
  assert.equal(frontend.disk.parts.length, 4);
  await using disk = await open(made.file('large.raw'));
  for (const [i, part] of frontend.disk.parts.entries()) {
    const raw = gunzipSync(await readFile(made.file('repo/large', part)));
    const expected = Buffer.alloc(Math.min(PIECE_BYTES, sizeBytes - i * PIECE_BYTES));
    await disk.read(expected, 0, expected.length, i * PIECE_BYTES);
    assert.ok(raw.equals(expected), part);
  }
});

const REFUSED: readonly (readonly [what: string, args: readonly string[], exitCode: number, words: RegExp])[] = [
  ['no output', ['--frontend', 'frontend.raw'], 64, /--output <directory>/],
  [
    'an unknown type',
    ['--frontend', 'frontend.raw', '--output', 'repo', '--legacy', 'zip'],
    64,
    /Allowed choices are raw, gzip/,
  ],
  ['a name that is a path', ['--frontend', 'frontend.raw', '--output', 'repo', '--name', '../x'], 64, /no image name/],
  [
    'a hidden name',
    ['--frontend', 'frontend.raw', '--output', 'repo', '--legacy', 'raw', '--name', '.x'],
    64,
    /no image name/,
  ],
  [
    'a reserved name',
    ['--frontend', 'frontend.raw', '--output', 'repo', '--legacy', 'raw', '--name', 'images'],
    64,
    /no image can/,
  ],
  ['no disk', ['--frontend', 'nothing.raw', '--output', 'repo', '--name', 'x'], 64, /nothing\.raw/],
  ['no compliant disk', ['--frontend', 'zeros.raw', '--output', 'repo', '--name', 'x'], 65, /partition table/],
  [
    'a file for a folder',
    ['--frontend', 'frontend.raw', '--output', 'zeros.raw', '--name', 'x'],
    64,
    /cannot make the directory/,
  ],
  [
    'an index that is none',
    ['--frontend', 'frontend.raw', '--output', 'odd', '--name', 'x'],
    65,
    /vcdb\.txt has no name/,
  ],
];
for (const [what, args, exitCode, words] of REFUSED) {
  test(`pack refuses ${what}`, async () => {
    await using made = await prepare();
    await writeFile(made.file('zeros.raw'), Buffer.alloc(MIB));
    await mkdir(made.file('odd'));
    await writeFile(made.file('odd/vcdb.txt'), 'nonsense\n');
    const ended = await made.pack(...args);
    assert.equal(ended.exitCode, exitCode, ended.stderr);
    assert.match(ended.stderr, words);
    assert.doesNotMatch(ended.stderr, STACK_LINE);
    assert.equal(ended.stdout, '');
    assert.deepEqual(await readdir(made.file('odd')), ['vcdb.txt']);
  });
}

for (const legacy of [[], ['--legacy', 'splited_gzip']]) {
  test(`Ctrl-C leaves no image: ${legacy.join(' ') || 'native'}`, async () => {
    await using made = await prepare();
    await mkdir(made.file('repo'));
    await writeFile(made.file('repo/vcdb.txt'), 'other,other/other.xml\n');
    const disk = made.file('large.raw');
    await makeCompliantDisk(
      disk,
      256 * MIB,
      Array.from({ length: 200 }, (_, i) => (40 + i) * MIB),
    );
    const args = ['image', 'pack', '--frontend', disk, '--name', 'x', '--output', made.file('repo'), ...legacy];
    const child = spawn(EDGEBOOT, args, {
      env: { ...process.env, ...made.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.once('data', () => child.kill('SIGINT'));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    assert.equal(exitCode, 130);
    const left = (await readdir(made.file('repo'), { recursive: true })).filter((name) => name !== 'images');
    assert.deepEqual(left, ['vcdb.txt']);
    assert.equal(await readFile(made.file('repo/vcdb.txt'), 'utf8'), 'other,other/other.xml\n');
  });
}
