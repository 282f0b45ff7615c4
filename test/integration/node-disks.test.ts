/** Overlays and personalizing, with QEMU's and e2fsprogs' real tools over real file systems. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { hasCode, messageOf } from '#shared/errors.ts';
import { runCommand } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { withOverlayExport } from '../../edge-agent/adapters/overlay-export.ts';
import {
  leaveInJournal,
  makePartitionedDisk,
  PARTITION_OFFSET_BYTES,
  PARTITIONED_DISK_BYTES,
} from '../helpers/partitioned-disk.ts';
import { applianceOptions } from '../helpers/appliance.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const MIB = 1024 * 1024;
const VC_OUT = { path: '/root/vc-out.xml', content: '<vc>\n  <key>ä & b</key>\n</vc>\n', mode: 0o600 };
const disks = createQemuNodeDisks(applianceOptions(tmpdir()));
const NEVER = new AbortController().signal;

async function layOut(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(root, 'root'), { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const debugfs = async (disk: string, command: string): Promise<string> =>
  (await runCommand('debugfs', ['-R', command, `${disk}?offset=${PARTITION_OFFSET_BYTES}`])).stdout;

/** Looks into the overlay with the tools themselves. */
const inspect = (overlayFile: string, commands: readonly string[]): Promise<string[]> =>
  withOverlayExport(overlayFile, NEVER, async ({ diskFile }) => {
    const answers: string[] = [];
    for (const command of commands) answers.push(await debugfs(diskFile, command));
    const check = await runCommand('e2fsck', ['-f', '-n', `${diskFile}?offset=${PARTITION_OFFSET_BYTES}`]);
    assert.equal(check.exitCode, 0, `e2fsck finds nothing to repair: ${check.stdout}`);
    return answers;
  });

for (const type of ['ext2', 'ext3', 'ext4']) {
  test(`formats §5: writes into ${type}, over what was there, and moves old network configuration aside`, async () => {
    await using folder = await createTemporaryFolder();
    const root = join(folder.path, 'root');
    await layOut(root, {
      'root/vc-out.xml': 'of an earlier life, and longer than the new one '.repeat(1000),
      'etc/udev/rules.d/70-persistent-net.rules': 'old rules',
      'etc/udev/rules.d/99-other.rules': 'other rules',
      'etc/sysconfig/network-scripts/ifcfg-eth0': 'newer',
      'etc/sysconfig/network-scripts/old-ifcfg-eth0': 'oldest',
      'etc/sysconfig/network-scripts/ifcfg-lo': 'loopback',
    });
    const { backingFile, overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', type]);
    const before = await readFile(backingFile);
    await disks.personalize(overlayFile, [VC_OUT, { path: '/root/second', content: '', mode: 0o644 }], NEVER);

    const [content, status, rules, scripts, moved] = await inspect(overlayFile, [
      'cat /root/vc-out.xml',
      'stat /root/vc-out.xml',
      'ls -p /etc/udev/rules.d',
      'ls -p /etc/sysconfig/network-scripts',
      'cat /etc/sysconfig/network-scripts/old-ifcfg-eth0',
    ]);
    assert.equal(content, VC_OUT.content);
    assert.match(status ?? '', /Type: regular +Mode: +0600/);
    assert.match(status ?? '', /User: +0 +Group: +0/);
    assert.match(rules ?? '', /\/old-70-persistent-net\.rules\//);
    assert.doesNotMatch(rules ?? '', /\/70-persistent-net\.rules\//);
    assert.match(rules ?? '', /\/99-other\.rules\//);
    assert.doesNotMatch(scripts ?? '', /\/ifcfg-eth0\//);
    assert.match(scripts ?? '', /\/ifcfg-lo\//);
    assert.equal(moved, 'newer');
    assert.ok(before.equals(await readFile(backingFile)), 'the shared backing file is as it was');
    await disks.personalize(overlayFile, [VC_OUT], NEVER);
  });
}

test('fault 48: a journal is replayed first, so that the boot does not undo what was written', async () => {
  await using folder = await createTemporaryFolder();
  const root = join(folder.path, 'root');
  await layOut(root, {});
  const { backingFile, overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', 'ext4']);
  await leaveInJournal(backingFile, folder.path);
  const features = async (disk: string): Promise<string> => debugfs(disk, 'features');
  assert.match(await features(backingFile), /needs_recovery/);

  await disks.personalize(overlayFile, [VC_OUT], NEVER);
  const [content, after] = await inspect(overlayFile, ['cat /root/vc-out.xml', 'features']);
  assert.equal(content, VC_OUT.content);
  assert.doesNotMatch(after ?? '', /needs_recovery/);
});

const refused = (text: RegExp) => (error: unknown) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && text.test(error.message);

test('fault 47: refuses what it cannot write into, and says why', async () => {
  await using folder = await createTemporaryFolder();
  const noRoot = join(folder.path, 'no-root');
  await mkdir(join(noRoot, 'etc'), { recursive: true });
  const missing = await makePartitionedDisk(folder.path, noRoot, ['-t', 'ext4']);
  await assert.rejects(
    disks.personalize(missing.overlayFile, [VC_OUT], NEVER),
    refused(/\/root is not a plain folder/),
  );

  const link = join(folder.path, 'link');
  await mkdir(join(link, 'etc'), { recursive: true });
  await symlink('/etc', join(link, 'root'));
  const linked = await makePartitionedDisk(folder.path, link, ['-t', 'ext4']);
  await assert.rejects(disks.personalize(linked.overlayFile, [VC_OUT], NEVER), refused(/\/root is not a plain folder/));
  const [listing] = await inspect(linked.overlayFile, ['ls -p /etc']);
  assert.doesNotMatch(listing ?? '', /vc-out/);

  const folderInPlace = join(folder.path, 'in-place');
  await mkdir(join(folderInPlace, 'root/vc-out.xml/x'), { recursive: true });
  const inPlace = await makePartitionedDisk(folder.path, folderInPlace, ['-t', 'ext4']);
  await assert.rejects(disks.personalize(inPlace.overlayFile, [VC_OUT], NEVER), refused(/cannot be written/));

  const { backingFile, overlayFile } = inPlace;
  const disk = await open(backingFile, 'r+');
  await disk.write(Buffer.alloc(4096), 0, 4096, MIB);
  await disks.createOverlay(backingFile, overlayFile, NEVER);
  await assert.rejects(disks.personalize(overlayFile, [VC_OUT], NEVER), refused(/holds no ext2/));
  await disk.write(Buffer.alloc(512), 0, 512, 0);
  await disk.close();
  await assert.rejects(disks.personalize(overlayFile, [VC_OUT], NEVER), refused(/no partition table/));
});

test('fault 47: a file system without room for the file is refused', async () => {
  await using folder = await createTemporaryFolder();
  const root = join(folder.path, 'root');
  await layOut(root, { filler: 'x'.repeat(20 * MIB) });
  const { overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', 'ext4', '-O', '^has_journal']);
  const large = { ...VC_OUT, content: 'y'.repeat(12 * MIB) };
  await assert.rejects(disks.personalize(overlayFile, [large], NEVER), refused(/cannot be written/));
});

test('fault 46: a base that is a qcow2 disk with a backing file is taken for raw bytes, and refused', async () => {
  await using folder = await createTemporaryFolder();
  const root = join(folder.path, 'root');
  await layOut(root, {});
  const { backingFile: secret, overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', 'ext4']);
  const hostile = join(folder.path, 'hostile.raw');
  await disks.createOverlay(secret, hostile, NEVER);
  await disks.createOverlay(hostile, overlayFile, NEVER);
  await assert.rejects(disks.personalize(overlayFile, [VC_OUT], NEVER), refused(/no partition table/));
});

test('sees that a guest configures itself with cloud-init, by a program that is no link', async () => {
  await using folder = await createTemporaryFolder();
  const program = 'usr/bin/cloud-init';
  const kinds = { with: { [program]: '#!/usr/bin/python3' }, without: { 'usr/bin/other': '' } };
  for (const [name, files] of Object.entries(kinds)) {
    const root = join(folder.path, name);
    await layOut(root, files);
    const { overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', 'ext4']);
    const traits = await disks.personalize(overlayFile, [VC_OUT], NEVER);
    assert.deepEqual(traits, { hasCloudInit: name === 'with' });
  }
  const link = join(folder.path, 'link');
  await layOut(link, { 'usr/bin/other': '' });
  await symlink('other', join(link, program));
  const { overlayFile } = await makePartitionedDisk(folder.path, link, ['-t', 'ext4']);
  assert.deepEqual(await disks.personalize(overlayFile, [VC_OUT], NEVER), { hasCloudInit: false });
});

test('no mount shows on the host, and nothing is left when we are killed in the middle', async () => {
  await using folder = await createTemporaryFolder();
  const root = join(folder.path, 'root');
  await layOut(root, {});
  const { overlayFile } = await makePartitionedDisk(folder.path, root, ['-t', 'ext4']);
  await withOverlayExport(overlayFile, NEVER, async ({ diskFile, workDirectory }) => {
    assert.equal((await stat(diskFile)).size, PARTITIONED_DISK_BYTES);
    assert.doesNotMatch(await readFile('/proc/self/mounts', 'utf8'), new RegExp(basename(workDirectory)));
  });

  const module = new URL('../../edge-agent/adapters/overlay-export.ts', import.meta.url).href;
  const program = `
    const { withOverlayExport } = await import(${JSON.stringify(module)});
    await withOverlayExport(${JSON.stringify(overlayFile)}, new AbortController().signal, ({ diskFile }) => {
      process.stdout.write(diskFile + '\\n');
      return new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const daemon = /^\/proc\/(\d+)\//.exec(line.toString())?.[1] ?? '';
  assert.notEqual(daemon, '');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await personalizeOnceUnlocked(overlayFile, daemon);
});

/** The lock on the overlay goes with the daemon, a moment after its end: only then can somebody else write. */
async function personalizeOnceUnlocked(overlayFile: string, daemon: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await disks.personalize(overlayFile, [VC_OUT], NEVER);
      return;
    } catch (error) {
      assert.match(messageOf(error), /lock/);
      assert.ok(Date.now() < deadline, `qemu-storage-daemon ${daemon} still holds the overlay`);
    }
  }
}
