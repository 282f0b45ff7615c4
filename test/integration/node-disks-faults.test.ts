/** Overlays and personalizing where the disk is full, and where somebody stops it: in namespaces, on a small disk of the suite's own. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, statfs, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { runConfined } from '../../edge-agent/adapters/disk-tool.ts';
import { withOverlayExport } from '../../edge-agent/adapters/overlay-export.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { leaveInJournal, makePartitionedDisk, type PartitionedDisk } from '../helpers/partitioned-disk.ts';
import { applianceOptions } from '../helpers/appliance.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const KIB = 1024;
const NEVER = new AbortController().signal;
const VC_OUT = { path: '/root/vc-out.xml', content: '<vc/>\n'.repeat(10_000), mode: 0o600 };
const disks = createQemuNodeDisks(applianceOptions(tmpdir()));

async function makeDisk(directory: string): Promise<PartitionedDisk> {
  const root = join(directory, 'root');
  await mkdir(join(root, 'root'), { recursive: true });
  const disk = await makePartitionedDisk(directory, root, ['-t', 'ext4']);
  await rm(root, { recursive: true });
  return disk;
}

/** Leaves so much room, as far as there is more. */
async function fillUp(mountPoint: string, leftBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(mountPoint);
  await writeFile(join(mountPoint, 'ballast'), Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
}

async function assertNothingLeft(directory: string): Promise<void> {
  assert.deepEqual((await readdir(directory)).sort(), ['base.raw', 'node.qcow2']);
  assert.doesNotMatch(await runCommandOrThrow('ps', ['-e', '-o', 'comm']), /qemu|debugfs|e2fsck|unshare|sleep/);
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 120 })) {
  test('on a full disk: DISK_FULL, however little room there is, and nothing is left', async () => {
    await using folder = await createTemporaryFolder();
    await using mounts = new AsyncDisposableStack();
    const { backingFile } = await makeDisk(folder.path);
    // So that e2fsck writes, too.
    await leaveInJournal(backingFile, folder.path);
    const small = join(folder.path, 'small');
    await mkdir(small);
    await runCommandOrThrow('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
    mounts.defer(async () => {
      await runCommandOrThrow('umount', ['--lazy', small]);
    });
    const overlayFile = join(small, 'node.qcow2');
    const isFull = (error: unknown): boolean => hasCode(error, 'DISK_FULL');

    await fillUp(small, 0);
    await assert.rejects(disks.createOverlay(backingFile, overlayFile, NEVER), isFull);
    assert.deepEqual(await readdir(small), ['ballast']);
    let refusals = 0;
    for (let leftBytes = 0; ; leftBytes += 36 * KIB) {
      await rm(join(small, 'ballast'));
      await disks.createOverlay(backingFile, overlayFile, NEVER);
      await fillUp(small, leftBytes);
      const refusal = await disks.personalize(overlayFile, [VC_OUT], NEVER).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.deepEqual((await readdir(small)).sort(), ['ballast', 'node.qcow2']);
      if (refusal === undefined) break;
      assert.ok(isFull(refusal), `with ${leftBytes} bytes left: ${messageOf(refusal)}`);
      refusals += 1;
    }
    assert.ok(refusals > 3, `refused ${refusals} times`);
  });

  for (const moment of ['.personalize-', 'node.qcow2']) {
    test(`stops at once when told to, at the first sign of ${moment}, and can be done again`, async () => {
      await using folder = await createTemporaryFolder();
      const { overlayFile } = await makeDisk(folder.path);
      const stop = new AbortController();
      const events = watch(folder.path, { signal: NEVER });
      const personalizing = disks.personalize(overlayFile, [VC_OUT], stop.signal);
      const stopping = (async () => {
        for await (const { filename } of events) if (filename?.startsWith(moment) === true) break;
        stop.abort(new EdgebootError('SHUTDOWN', 'the agent stops'));
      })();
      await assert.rejects(personalizing, (error) => hasCode(error, 'SHUTDOWN'));
      await stopping;
      await assertNothingLeft(folder.path);
      await disks.personalize(overlayFile, [VC_OUT], NEVER);
    });
  }

  test('a program that is at work, as nobody, is ended; nothing begins when it is too late', async () => {
    await using folder = await createTemporaryFolder();
    const { backingFile, overlayFile } = await makeDisk(folder.path);
    const stop = new AbortController();
    const working = withOverlayExport(overlayFile, stop.signal, async ({ workDirectory }) => {
      const { stdout } = await runConfined('id', ['-u'], workDirectory, stop.signal);
      assert.equal(stdout, '65534\n');
      const sleeping = runConfined('sleep', ['600'], workDirectory, stop.signal);
      stop.abort(new EdgebootError('SHUTDOWN', 'the agent stops'));
      return sleeping;
    });
    const isReason = (error: unknown): boolean => hasCode(error, 'SHUTDOWN');
    await assert.rejects(working, isReason);
    await assertNothingLeft(folder.path);
    await assert.rejects(disks.personalize(overlayFile, [VC_OUT], stop.signal), isReason);
    await assert.rejects(disks.createOverlay(backingFile, join(folder.path, 'other'), stop.signal), isReason);
    await assertNothingLeft(folder.path);
  });

  test('a program that is not installed is named', async () => {
    const missing = runConfined('no-such-program', [], '/', NEVER);
    await assert.rejects(missing, (error) => hasCode(error, 'PREREQUISITE_MISSING') && /no-such/.test(error.message));
  });
}
