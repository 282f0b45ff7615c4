/** `edgeboot image import`: real qcow2 and VMDK files, made by qemu-img; what is hostile among them reaches nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  chmod,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { runQemuImg, SOURCE, TARGET } from '../../../cli/import/confined-qemu-img.ts';
import { EDGEBOOT } from '../../../local/federation/program.ts';
import { makeCompliantDisk } from '../../helpers/compliant-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { edgeboot, STACK_LINE } from './edgeboot-process.ts';

const MIB = 1024 * 1024;
const qemuImg = (...args: string[]): Promise<string> => runCommandOrThrow('qemu-img', args);

/** A folder with a raw disk in it. */
async function prepare() {
  const folder = await createTemporaryFolder();
  const file = (name: string): string => path.join(folder.path, name);
  await makeCompliantDisk(file('disk.raw'));
  const convert = (name: string, ...options: string[]): Promise<string> =>
    qemuImg('convert', '-f', 'raw', ...options, file('disk.raw'), file(name));
  const importDisk = (source: string, target = 'out.raw') =>
    edgeboot(['image', 'import', source, '--output', target], {}, folder.path);
  return { file, convert, importDisk, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const GOOD: readonly (readonly [what: string, options: readonly string[]])[] = [
  ['qcow2', ['-O', 'qcow2']],
  ['qcow2 of version 2', ['-O', 'qcow2', '-o', 'compat=0.10']],
  ['compressed qcow2', ['-O', 'qcow2', '-c']],
  ['qcow2 compressed with zstd', ['-O', 'qcow2', '-c', '-o', 'compression_type=zstd']],
  ['VMDK in one file', ['-O', 'vmdk', '-o', 'subformat=monolithicSparse']],
  ['VMDK for streaming', ['-O', 'vmdk', '-o', 'subformat=streamOptimized']],
];
for (const [what, options] of GOOD) {
  test(`${what} becomes the same raw disk, sparse`, async () => {
    await using made = await prepare();
    // Its name says something else.
    await made.convert('disk.iso', ...options);
    const { exitCode, stdout, stderr } = await made.importDisk('disk.iso');
    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout, 'out.raw\n');
    await runCommandOrThrow('cmp', [made.file('disk.raw'), made.file('out.raw')]);
    const { blocks, uid } = await stat(made.file('out.raw'));
    assert.ok(blocks * 512 < 8 * MIB, `${blocks} blocks`);
    assert.equal(uid, process.getuid?.());
    assert.deepEqual((await readdir(made.file('.'))).sort(), ['disk.iso', 'disk.raw', 'out.raw']);
  });
}

test('snapshots inside are left out; a disk that only we may read, under an odd name, through a link', async () => {
  await using made = await prepare();
  await made.convert('plain', '-O', 'qcow2');
  await qemuImg('snapshot', '-c', 'before', made.file('plain'));
  const odd = '-o $(id);"\n,x=y.qcow2';
  await rename(made.file('plain'), made.file(odd));
  await chmod(made.file(odd), 0o600);
  await symlink(odd, made.file('link'));
  const { exitCode, stderr } = await made.importDisk('link');
  assert.equal(exitCode, 0, stderr);
  await runCommandOrThrow('cmp', [made.file('disk.raw'), made.file('out.raw')]);
});

test('who is not root imports, too', { skip: process.getuid?.() !== 0 }, async () => {
  await using made = await prepare();
  await made.convert('disk.qcow2', '-O', 'qcow2');
  const home = made.file('home');
  await mkdir(home);
  await chmod(made.file('.'), 0o755);
  for (const one of [home, made.file('disk.qcow2')]) await chown(one, 65_534, 65_534);
  await chmod(made.file('disk.qcow2'), 0o600);
  const as = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  const args = ['image', 'import', made.file('disk.qcow2'), '--output', path.join(home, 'out.raw')];
  const { exitCode, stderr } = await runCommand('setpriv', [...as, EDGEBOOT, ...args]);
  // The kernel lets nobody make user namespaces in a chroot, or where they are turned off: then nothing is converted at all.
  const mayUnshare = await runCommand('setpriv', [...as, 'unshare', '--user', 'true']);
  if (mayUnshare.exitCode !== 0) {
    assert.equal(exitCode, 69, stderr);
    assert.match(stderr, /PREREQUISITE_MISSING: qemu-img cannot be run apart/);
    await assert.rejects(access(path.join(home, 'out.raw')), { code: 'ENOENT' });
    return;
  }
  assert.equal(exitCode, 0, stderr);
  await runCommandOrThrow('cmp', [made.file('disk.raw'), path.join(home, 'out.raw')]);
});

type Made = Awaited<ReturnType<typeof prepare>>;
interface Bad {
  readonly what: string;
  /** Makes `bad`, or answers another name. */
  readonly make: (made: Made) => Promise<unknown>;
  readonly words: RegExp;
  /** It would make QEMU open another file. */
  readonly isHostile?: boolean;
}

/** A VMDK whose header was changed, or whose descriptor (at 512 bytes) was. */
async function changedVmdk(made: Made, change: (bytes: Buffer) => Buffer): Promise<void> {
  await made.convert('bad', '-O', 'vmdk');
  const bytes = await readFile(made.file('bad'));
  await writeFile(made.file('bad'), change(bytes));
}
const replaced = (bytes: Buffer, from: string, to: string): Buffer => {
  const at = bytes.indexOf(from);
  assert.ok(at > 0);
  bytes.write(to.padEnd(from.length, ' ').slice(0, from.length), at, 'latin1');
  return bytes;
};

const BAD: readonly Bad[] = [
  {
    what: 'a backing file',
    isHostile: true,
    make: async ({ file, convert }) => {
      await convert('base.qcow2', '-O', 'qcow2');
      await qemuImg('create', '-f', 'qcow2', '-b', file('base.qcow2'), '-F', 'qcow2', file('bad'));
    },
    words: /backing file[^]*qemu-img convert/,
  },
  {
    what: 'a file of the host behind it',
    isHostile: true,
    make: ({ file }) => qemuImg('create', '-f', 'qcow2', '-u', '-b', '/etc/shadow', '-F', 'raw', file('bad'), '1M'),
    words: /backing file/,
  },
  {
    what: 'an external data file',
    isHostile: true,
    make: ({ file }) => qemuImg('create', '-f', 'qcow2', '-o', `data_file=${file('data')}`, file('bad'), '1M'),
    words: /external data file/,
  },
  {
    what: 'encryption',
    make: ({ file }) =>
      qemuImg(
        ...['create', '-f', 'qcow2', '--object', 'secret,id=s,data=x'],
        // Not LUKS: qemu-img would measure this machine first, which takes seconds, and fails on a busy one.
        ...['-o', 'encrypt.format=aes,encrypt.key-secret=s', file('bad'), '1M'],
      ),
    words: /encrypted/,
  },
  {
    what: 'a VMDK descriptor',
    isHostile: true,
    make: async ({ file, convert }) => {
      await convert('bad.vmdk', '-O', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse');
      await rename(file('bad.vmdk'), file('bad'));
    },
    words: /VMDK descriptor[^]*other files[^]*qemu-img convert -f vmdk/,
  },
  {
    what: 'a piece of a VMDK',
    make: async ({ file, convert }) => {
      await convert('bad.vmdk', '-O', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse');
      await rename(file('bad-s001.vmdk'), file('bad'));
    },
    words: /without its descriptor/,
  },
  {
    what: 'a VMDK of other files, which calls itself a whole one',
    isHostile: true,
    make: (made) => changedVmdk(made, (bytes) => (bytes.writeBigUInt64LE(0n, 12), bytes)),
    words: /other files/,
  },
  {
    what: 'a VMDK with a parent',
    isHostile: true,
    make: (made) => changedVmdk(made, (bytes) => replaced(bytes, 'parentCID=ffffffff', 'parentCID=deadbeef')),
    words: /parent/,
  },
  { what: 'a raw disk', make: ({ file }) => rename(file('disk.raw'), file('bad')), words: /raw disk already/ },
  {
    what: 'a VDI image',
    make: ({ convert }) => convert('bad', '-O', 'vdi'),
    words: /a VDI image[^]*qemu-img convert/,
  },
  {
    what: 'something compressed',
    make: async ({ file }) => {
      await runCommandOrThrow('gzip', [file('disk.raw')]);
      await rename(file('disk.raw.gz'), file('bad'));
    },
    words: /gzip-compressed[^]*Decompress/,
  },
  {
    what: 'a qcow2 that was cut off',
    make: async (made) => {
      await made.convert('bad', '-O', 'qcow2');
      await using disk = await open(made.file('bad'), 'r+');
      await disk.truncate(600_000);
    },
    words: /qemu-img says/,
  },
  {
    what: 'a few bytes',
    make: ({ file }) => writeFile(file('bad'), 'QFI\xfb\0\0\0\x03', 'latin1'),
    words: /cut off/,
  },
  {
    what: 'a disk that is too large',
    make: ({ file }) => qemuImg('create', '-f', 'qcow2', file('bad'), '513G'),
    words: /at most 549755813888/,
  },
  {
    what: 'a disk that does not follow the standard',
    make: ({ file }) => qemuImg('create', '-f', 'qcow2', file('bad'), '64M'),
    words: /partition table[^]*Put a partition table/,
  },
];
for (const { what, make, words, isHostile } of BAD) {
  test(`${isHostile ? 'fault 46: ' : ''}import refuses ${what}, and leaves nothing`, async () => {
    await using made = await prepare();
    await make(made);
    const before = await readdir(made.file('.'));
    const { exitCode, stdout, stderr } = await made.importDisk('bad');
    assert.match(stderr, words);
    assert.equal(exitCode, 65, stderr);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, STACK_LINE);
    assert.deepEqual(await readdir(made.file('.')), before);
  });
}

test('fault 46: what the checks might miss: the converter reaches no other file, and writes no more than it may', async () => {
  await using made = await prepare();
  await writeFile(made.file('secret'), Buffer.alloc(MIB, 'secret'));
  await qemuImg('create', '-f', 'qcow2', '-b', made.file('secret'), '-F', 'raw', made.file('spy.qcow2'));
  await made.convert('disk.qcow2', '-O', 'qcow2');
  await writeFile(made.file('target'), '');
  const run = (source: string, maxFileBytes: number) =>
    runQemuImg(['convert', '-f', 'qcow2', '-O', 'raw', SOURCE, TARGET], {
      ...{ source: made.file(source), target: made.file('target'), maxFileBytes, userId: undefined },
      signal: new AbortController().signal,
    });
  const spying = await run('spy.qcow2', 64 * MIB);
  assert.notEqual(spying.exitCode, 0);
  assert.match(spying.stderr, /Could not open '.*secret': No such file/);
  assert.notEqual((await run('disk.qcow2', 16 * MIB)).exitCode, 0);
  assert.equal((await run('disk.qcow2', 64 * MIB)).exitCode, 0);
});

test('what is there is not overwritten; what cannot be read is named', async () => {
  await using made = await prepare();
  await made.convert('disk.qcow2', '-O', 'qcow2');
  await writeFile(made.file('precious'), 'precious');
  const refused = await made.importDisk('disk.qcow2', 'precious');
  assert.equal(refused.exitCode, 64);
  assert.match(refused.stderr, /precious is there already/);
  assert.equal(await readFile(made.file('precious'), 'utf8'), 'precious');
  await runCommandOrThrow('mkfifo', [made.file('pipe')]);
  for (const source of ['nothing', '.', 'pipe']) {
    const { exitCode, stderr } = await made.importDisk(source);
    assert.equal(exitCode, 64, stderr);
    assert.doesNotMatch(stderr, STACK_LINE);
  }
  const { exitCode, stderr } = await made.importDisk('disk.qcow2', 'no/such/folder.raw');
  assert.equal(exitCode, 64, stderr);
});

test('Ctrl-C leaves nothing, no process either', async () => {
  await using made = await prepare();
  await made.convert('disk.qcow2', '-O', 'qcow2');
  const temporary = made.file('tmp');
  await mkdir(temporary);
  const child = spawn(EDGEBOOT, ['image', 'import', made.file('disk.qcow2'), '--output', made.file('out.raw')], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.once('data', () => child.kill('SIGINT'));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  assert.equal(exitCode, 130);
  assert.deepEqual((await readdir(made.file('.'))).sort(), ['disk.qcow2', 'disk.raw', 'tmp']);
  assert.deepEqual(await readdir(temporary), []);
  const processes = await runCommandOrThrow('ps', ['-e', '-o', 'args=']);
  assert.ok(
    !processes.split('\n').some((line) => line.includes('confine.sh') && line.includes(made.file('disk.qcow2'))),
  );
});

test('formats §1: a frontend that is qcow2 is refused by its content, and publish names the import', async () => {
  await using made = await prepare();
  await made.convert('disk.qcow2', '-O', 'qcow2');
  const config = { EDGEBOOT_CONFIG_DIRECTORY: path.join(tmpdir(), 'no-such-folder') };
  const { exitCode, stderr } = await edgeboot(['image', 'publish', 'x', '--frontend', made.file('disk.qcow2')], config);
  assert.equal(exitCode, 65);
  assert.match(stderr, /a qcow2 image, not a raw disk\n.*edgeboot image import /);
});
