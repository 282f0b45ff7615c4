/** Personalizing xfs with the appliance, over real and over hostile file systems; in namespaces, so that what is left would show. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, statfs, watch, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { applianceOptions, downloadKernelPackage } from '../helpers/appliance.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { copyXfs, makeXfsDisk, runWithXfs, scribble, wrapXfs } from '../helpers/xfs-disk.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;
const VC_OUT = { path: '/root/vc-out.xml', content: '<vc>\n  <key>ä & b</key>\n</vc>\n'.repeat(500), mode: 0o600 };
const ROOT = ['root d--700 0 0', '$'];
/** A folder with these entries in it. */
const inFolders = (path: string, entries: readonly string[]): string[] => {
  const folders = path.split('/');
  return [...folders.map((name) => `${name} d--755 0 0`), ...entries, ...folders.map(() => '$')];
};
const refused = (text: RegExp) => (error: unknown) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && text.test(error.message);

async function assertNothingRuns(): Promise<void> {
  const processes = await runCommandOrThrow('ps', ['-e', '-o', 'stat,comm']);
  // What was orphaned and has ended stays a zombie here: the first process is no init.
  assert.doesNotMatch(processes, /^[^Z].*(?:qemu|unshare|setpriv)/m);
}

function suite(): void {
  let folder: TemporaryFolder;
  let mounts: string;
  /** The lines of a guest that is as it should be. */
  let plain: string[];

  before(async () => {
    folder = await createTemporaryFolder();
    mounts = await readFile('/proc/self/mounts', 'utf8');
    const [old, program] = [join(folder.path, 'old'), join(folder.path, 'program')];
    await writeFile(old, 'of an earlier life, and longer than the new one '.repeat(1000));
    await writeFile(program, '#!/usr/bin/python3\n');
    plain = [
      ...['root d--700 0 0', `vc-out.xml ---644 1 1 ${old}`, '$', 'usr d--755 0 0', 'bin d--755 0 0'],
      ...[`cloud-init ---755 0 0 ${program}`, '$', '$', 'etc d--755 0 0', 'udev d--755 0 0', 'rules.d d--755 0 0'],
      ...[`70-persistent-net.rules ---644 0 0 ${program}`, `99-other.rules ---644 0 0 ${program}`, '$', '$'],
      ...inFolders('sysconfig/network-scripts', [
        ...[`ifcfg-eth0 ---644 0 0 ${program}`, `ifcfg-eth1 ---644 0 0 ${program}`, `ifcfg-lo ---644 0 0 ${program}`],
        `old-ifcfg-eth0 ---644 0 0 ${old}`,
      ]),
      '$',
    ];
  });
  after(async () => {
    assert.equal(await readFile('/proc/self/mounts', 'utf8'), mounts, 'the host has mounted nothing');
    await assertNothingRuns();
    await folder[Symbol.asyncDispose]();
  });

  const disks = () => createQemuNodeDisks(applianceOptions(folder.path));
  const personalize = (overlayFile: string) => disks().personalize(overlayFile, [VC_OUT], NEVER);
  const look = (overlayFile: string, script: string) => runWithXfs(overlayFile, folder.path, script);

  test('formats §1, §5: xfs works by default: files are written, old network configuration is moved aside', async (t) => {
    const { backingFile, overlayFile } = await makeXfsDisk(join(folder.path, 'plain'), plain);
    const before = await readFile(backingFile);
    await createQemuNodeDisks(applianceOptions(folder.path)).personalize(overlayFile, [VC_OUT], NEVER);
    const start = performance.now();
    const empty = { path: '/root/.empty', content: '', mode: 0o644 };
    const traits = await disks().personalize(overlayFile, [VC_OUT, empty], NEVER);
    t.diagnostic(`${((performance.now() - start) / 1000).toFixed(1)} s for a node, the appliance being built`);
    assert.deepEqual(traits, { hasCloudInit: true });

    const console = await look(
      overlayFile,
      `cd /guest
      stat -c '%A %u:%g %s %n' root/vc-out.xml root/.empty
      sha256sum root/vc-out.xml | cut -c 1-64
      ls -1 etc/udev/rules.d
      ls -1 etc/sysconfig/network-scripts
      head -c 18 etc/sysconfig/network-scripts/old-ifcfg-eth0`,
    );
    assert.ok(console.includes(createHash('sha256').update(VC_OUT.content).digest('hex')), console);
    assert.match(console, new RegExp(`-rw------- 0:0 ${Buffer.byteLength(VC_OUT.content)} root/vc-out.xml\n`));
    assert.match(console, /-rw-r--r-- 0:0 0 root\/\.empty\n/);
    assert.match(
      console,
      /\n99-other\.rules\nold-70-persistent-net\.rules\nifcfg-lo\nold-ifcfg-eth0\nold-ifcfg-eth1\n/,
    );
    assert.match(console, /#!\/usr\/bin\/python3/, 'the newer of the two is kept');
    assert.ok(before.equals(await readFile(backingFile)), 'the shared backing file is as it was');
  });

  const hostileRoots: [string, string[], RegExp][] = [
    ['missing', ['etc d--755 0 0', '$'], /\/root is not a plain folder/],
    ['a link', ['etc d--755 0 0', '$', 'root l--777 0 0 /etc'], /\/root is not a plain folder/],
    ['a FIFO', ['root p--644 0 0'], /\/root is not a plain folder/],
    ['full of a folder in the place of the file', ['root d--700 0 0', 'vc-out.xml d--755 0 0', '$', '$'], /in the way/],
  ];
  for (const [name, prototype, words] of hostileRoots) {
    test(`fault 47: /root is ${name}: refused`, async () => {
      const { overlayFile } = await makeXfsDisk(join(folder.path, name.replaceAll(' ', '-')), prototype);
      await assert.rejects(personalize(overlayFile), refused(words));
    });
  }

  test('fault 47: links and FIFOs in the place of the files are replaced, never followed', async () => {
    const prototype = [
      ...['root d--700 0 0', 'vc-out.xml l--777 0 0 /etc/passwd', 'second p--644 0 0', '$'],
      ...['etc d--755 0 0', `passwd ---644 0 0 ${join(folder.path, 'old')}`, 'udev l--777 0 0 /root', '$'],
    ];
    const { overlayFile } = await makeXfsDisk(join(folder.path, 'links'), prototype);
    const files = [VC_OUT, { ...VC_OUT, path: '/root/second' }];
    assert.deepEqual(await disks().personalize(overlayFile, files, NEVER), { hasCloudInit: false });
    assert.match(await look(overlayFile, 'head -c 18 /guest/etc/passwd'), /of an earlier life/);
  });

  test('fault 47: a full file system is refused', async () => {
    const { overlayFile } = await makeXfsDisk(join(folder.path, 'full'), ROOT);
    await look(
      overlayFile,
      'dd if=/dev/zero of=/guest/filler bs=64k; while echo >>/guest/rest; do :; done; umount /guest',
    );
    await assert.rejects(personalize(overlayFile), refused(/No space left|cannot be written/));
  });

  test('fault 47: a file system that only may be read is refused', async () => {
    const unknownFeature = async (fileSystem: string): Promise<void> => {
      const commands = ['-c', 'sb 0', '-c', 'write -d features_ro_compat 0x4000000d'];
      await runCommandOrThrow('xfs_db', ['-x', '-f', ...commands, fileSystem]);
    };
    const { overlayFile } = await makeXfsDisk(join(folder.path, 'read-only'), ROOT, unknownFeature);
    await assert.rejects(personalize(overlayFile), refused(/cannot be mounted/));
  });

  test('fault 48: a dirty log is replayed first; what was written survives', async () => {
    const directory = join(folder.path, 'dirty');
    const { overlayFile } = await makeXfsDisk(directory, plain);
    await look(
      overlayFile,
      `echo 'of the last life' >/guest/root/vc-out.xml
      echo kept >/guest/root/kept
      rm /guest/etc/udev/rules.d/99-other.rules
      sync`,
    );
    const fileSystem = join(directory, 'copy');
    await copyXfs(overlayFile, fileSystem);
    assert.match(await check(fileSystem), /valuable metadata changes in a log/);

    const spoiled = join(directory, 'spoiled');
    await mkdir(spoiled);
    await spoilLog(fileSystem, join(spoiled, 'xfs'));
    const { overlayFile: spoiledOverlay } = await wrapXfs(spoiled, join(spoiled, 'xfs'));
    await Promise.all([
      personalize(overlayFile),
      assert.rejects(personalize(spoiledOverlay), refused(/cannot be mounted/)),
    ]);

    await copyXfs(overlayFile, fileSystem);
    assert.doesNotMatch(await check(fileSystem), /valuable metadata|would have|bad /);
    const console = await look(overlayFile, 'cd /guest/root; wc -c <vc-out.xml; cat kept; ls ../etc/udev/rules.d');
    assert.match(
      console,
      new RegExp(`^${Buffer.byteLength(VC_OUT.content)}\nkept\nold-70-persistent-net.rules\n`, 'm'),
    );
  });

  test('fault 48: what only begins like xfs is refused', async () => {
    const garbage = (offset: number, length: number) => (fileSystem: string) => scribble(fileSystem, offset, length);
    const superblock = await makeXfsDisk(join(folder.path, 'superblock'), ROOT, garbage(4, 508));
    const everything = await makeXfsDisk(join(folder.path, 'everything'), ROOT, garbage(512, 63 * MIB));
    await Promise.all(
      [superblock, everything].map(({ overlayFile }) =>
        assert.rejects(personalize(overlayFile), refused(/cannot be mounted/)),
      ),
    );
    assert.deepEqual((await readdir(join(folder.path, 'superblock'))).sort(), ['base.raw', 'node.qcow2']);
  });

  test('on a full disk of the host: DISK_FULL, and nothing is left', async () => {
    const { backingFile } = await makeXfsDisk(join(folder.path, 'host-full'), plain);
    const small = join(folder.path, 'small');
    await mkdir(small);
    await runCommandOrThrow('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const overlayFile = join(small, 'node.qcow2');
      await disks().createOverlay(backingFile, overlayFile, NEVER);
      const { bavail, bsize } = await statfs(small);
      await writeFile(join(small, 'ballast'), Buffer.alloc(bavail * bsize - 320 * 1024));
      await assert.rejects(personalize(overlayFile), (error) => hasCode(error, 'DISK_FULL'));
      assert.deepEqual((await readdir(small)).sort(), ['ballast', 'node.qcow2']);
    } finally {
      await runCommandOrThrow('umount', ['--lazy', small]);
    }
  });

  test('stops at once when told to while it writes; can be done again', async () => {
    const { overlayFile } = await makeXfsDisk(join(folder.path, 'stopped'), plain);
    const stop = new AbortController();
    const written = firstWrite(overlayFile);
    const personalizing = disks().personalize(overlayFile, [VC_OUT], stop.signal);
    await written;
    stop.abort(new EdgebootError('SHUTDOWN', 'the agent stops'));
    await assert.rejects(personalizing, (error) => hasCode(error, 'SHUTDOWN'));
    assert.deepEqual((await readdir(dirname(overlayFile))).sort(), ['base.raw', 'node.qcow2']);
    await personalize(overlayFile);
  });

  test('killed while it writes: neither a process nor a mount is left, and it can be done again', async () => {
    const { overlayFile } = await makeXfsDisk(join(folder.path, 'killed'), plain);
    const module = new URL('../../edge-agent/adapters/qemu-node-disks.ts', import.meta.url).href;
    const program = `
      const { createQemuNodeDisks } = await import(${JSON.stringify(module)});
      const disks = createQemuNodeDisks(${JSON.stringify(applianceOptions(folder.path))});
      await disks.personalize(${JSON.stringify(overlayFile)}, [${JSON.stringify(VC_OUT)}], new AbortController().signal);`;
    const written = firstWrite(overlayFile);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
    await written;
    assert.equal(await readFile('/proc/self/mounts', 'utf8'), mounts);
    assert.match(await runCommandOrThrow('ps', ['-e', '-o', 'user,comm']), /nobody +qemu-system/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await personalizeOnceUnlocked(overlayFile);
  });

  /** The lock on the overlay goes with the process that wrote, a moment after its end. */
  async function personalizeOnceUnlocked(overlayFile: string): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const failure = await personalize(overlayFile).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) return;
      assert.match(messageOf(failure), /lock/);
      assert.ok(Date.now() < deadline, 'somebody still holds the overlay');
    }
  }
}

/** The appliance has mounted the file system: its log is written. */
async function firstWrite(overlayFile: string): Promise<void> {
  for await (const { eventType, filename } of watch(dirname(overlayFile))) {
    if (eventType === 'change' && filename === 'node.qcow2') return;
  }
}

const check = async (fileSystem: string): Promise<string> => {
  const { stdout, stderr } = await runCommand('xfs_repair', ['-n', '-f', fileSystem]);
  return stdout + stderr;
};

/** The log's records make no sense any more. */
async function spoilLog(fileSystem: string, into: string): Promise<void> {
  await runCommandOrThrow('cp', ['--sparse=always', fileSystem, into]);
  const shown = await runCommandOrThrow('xfs_db', ['-r', '-f', '-c', 'sb 0', '-c', 'print logstart', into]);
  const [, logStart = ''] = /logstart = (\d+)/.exec(shown) ?? [];
  const converted = await runCommandOrThrow('xfs_db', ['-r', '-f', '-c', `convert fsblock ${logStart} byte`, into]);
  const [, byte = ''] = /\((\d+)\)/.exec(converted) ?? [];
  await scribble(into, Number(byte) + 4096, 4 * MIB);
}

if (
  inNamespaces(import.meta.filename, {
    timeoutSeconds: 900,
    prepare: (t) => downloadKernelPackage((line) => t.diagnostic(line)),
  })
) {
  describe('xfs', { concurrency: 2 }, suite);
}
