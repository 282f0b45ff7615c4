/** Seeds for cloud-init, with the real xorriso; in namespaces, for a small disk of the suite's own. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { createCloudInitSeed } from '../../edge-agent/adapters/cloud-init-seed.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const NEVER = new AbortController().signal;
const SECTOR_BYTES = 2048;
const FILES = { metaData: 'instance-id: ä\n', userData: '#cloud-config\n', networkConfig: 'version: 2\n' };

interface VolumeDescriptor {
  readonly type: number;
  readonly label: Buffer;
}

/** ECMA-119, 8: from sector 16 on, until the one of type 255. */
async function volumeDescriptors(seedFile: string): Promise<VolumeDescriptor[]> {
  const image = await readFile(seedFile);
  const found: VolumeDescriptor[] = [];
  for (let at = 16 * SECTOR_BYTES; image[at] !== 255; at += SECTOR_BYTES) {
    assert.equal(image.toString('latin1', at + 1, at + 6), 'CD001');
    found.push({ type: image.readUInt8(at), label: image.subarray(at + 40, at + 72) });
  }
  return found;
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 120 })) {
  test('a seed has the label cidata in both forms, three files, and is its owner’s alone', async () => {
    await using folder = await createTemporaryFolder();
    const seedFile = join(folder.path, 'seed.iso');
    await writeFile(seedFile, 'of an earlier attempt');
    await createCloudInitSeed(seedFile, FILES, NEVER);
    assert.equal((await stat(seedFile)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder.path), ['seed.iso']);

    const [primary, joliet] = await volumeDescriptors(seedFile);
    assert.equal(primary?.label.toString('latin1').trimEnd(), 'cidata');
    assert.equal(joliet?.label.swap16().toString('utf16le').trimEnd(), 'cidata');
    const out = join(folder.path, 'out');
    await runCommandOrThrow('xorriso', ['-osirrox', 'on', '-indev', seedFile, '-extract', '/', out]);
    assert.deepEqual((await readdir(out)).sort(), ['meta-data', 'network-config', 'user-data']);
    assert.equal(await readFile(join(out, 'meta-data'), 'utf8'), FILES.metaData);
    assert.equal(await readFile(join(out, 'user-data'), 'utf8'), FILES.userData);
    assert.equal(await readFile(join(out, 'network-config'), 'utf8'), FILES.networkConfig);
  });

  test('on a full disk: DISK_FULL, however little room there is; nothing is left when told to stop', async () => {
    await using folder = await createTemporaryFolder();
    const small = join(folder.path, 'small');
    await mkdir(small);
    await runCommandOrThrow('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    const ballast = join(small, 'ballast');
    const seedFile = join(small, 'seed.iso');
    try {
      for (const leftBytes of [0, 4, 16, 64, 256].map((kib) => kib * 1024)) {
        await writeFile(ballast, '');
        const { bavail, bsize } = await statfs(small);
        await writeFile(ballast, Buffer.alloc(bavail * bsize - leftBytes));
        const isFull = (error: unknown): boolean => hasCode(error, 'DISK_FULL');
        await assert.rejects(createCloudInitSeed(seedFile, FILES, NEVER), isFull, `${leftBytes} bytes left`);
        assert.deepEqual(await readdir(small), ['ballast']);
      }
      await writeFile(ballast, '');
      await assert.rejects(createCloudInitSeed(seedFile, FILES, AbortSignal.abort(new Error('stop'))), /stop/);
      assert.deepEqual(await readdir(small), ['ballast']);
    } finally {
      await runCommandOrThrow('umount', ['--lazy', small]);
    }
  });
}
