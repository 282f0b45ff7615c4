/** The appliance's files: built when needed, kept, built again when damaged; of whichever kernel the host has. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { hasCode } from '#shared/errors.ts';
import { findKernelPackage, unpackDebianPackages } from '#shared/host/debian-packages.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { kernelBelow } from '../../edge-agent/adapters/appliance/find-kernel.ts';
import { openAppliance } from '../../edge-agent/adapters/appliance/open-appliance.ts';
import { applianceOptions, downloadKernelPackage, PACKAGE_CACHE } from '../helpers/appliance.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

const NEVER = new AbortController().signal;
let folder: TemporaryFolder;
before(async () => {
  await downloadKernelPackage(() => undefined);
  folder = await createTemporaryFolder();
});
after(() => folder[Symbol.asyncDispose]());

async function inodes(directory: string): Promise<number[]> {
  return Promise.all(['kernel', 'initramfs'].map(async (name) => (await stat(join(directory, name))).ino));
}

test('is built once, also for two who ask at once; kept; built again when it is damaged', async () => {
  const options = applianceOptions(folder.path);
  const { applianceDirectory } = options;
  const open = async (): Promise<void> => (await openAppliance(options, NEVER))[Symbol.asyncDispose]();
  await mkdir(join(applianceDirectory, '.building-by-somebody-who-was-killed'), { recursive: true });
  await writeFile(join(applianceDirectory, 'not-ours'), '');
  await Promise.all([open(), open()]);
  const [version = '', ...others] = (await readdir(applianceDirectory)).sort();
  assert.deepEqual(others, ['not-ours']);
  const directory = join(applianceDirectory, version);
  assert.deepEqual((await readdir(directory)).sort(), ['digests.json', 'initramfs', 'kernel']);

  const built = await inodes(directory);
  await open();
  assert.deepEqual(await inodes(directory), built);
  const damages = [() => writeFile(join(directory, 'initramfs'), 'damaged'), () => rm(join(directory, 'digests.json'))];
  for (const damage of damages) {
    await damage();
    await Promise.all([open(), open()]);
    assert.ok((await readFile(join(directory, 'initramfs'))).length > 1024 * 1024);
  }
  assert.deepEqual((await readdir(applianceDirectory)).sort(), [version, 'not-ours']);
});

test('the host’s own kernel is taken where its modules fit, compressed or not; otherwise the next', async () => {
  const root = join(folder.path, 'host');
  const into = join(folder.path, 'modules');
  const name = await findKernelPackage(PACKAGE_CACHE);
  await unpackDebianPackages([name], PACKAGE_CACHE, root);
  const release = name.replace('linux-image-', '');
  const modules = join(root, 'lib/modules', release);
  const compress = async (module: string, ending: string, how: (content: Buffer) => Promise<Buffer>): Promise<void> => {
    const file = join(modules, 'kernel', module);
    await writeFile(`${file}.${ending}`, await how(await readFile(file)));
    await rm(file);
  };
  await compress('lib/libcrc32c.ko', 'gz', promisify(gzip));
  await compress('fs/xfs/xfs.ko', 'zst', promisify(zstdCompress));
  await runCommandOrThrow('xz', ['--check=crc32', join(modules, 'kernel/drivers/block/virtio_blk.ko')]);
  // The newest has no modules, the one after it lacks some.
  await writeFile(join(root, 'boot/vmlinuz-99.0-none'), '');
  await writeFile(join(root, 'boot/vmlinuz-98.0-few'), '');
  await mkdir(join(root, 'lib/modules/98.0-few/kernel'), { recursive: true });
  await writeFile(join(root, 'lib/modules/98.0-few/modules.builtin'), 'kernel/drivers/virtio/virtio_pci.ko\n');

  await mkdir(into);
  const kernel = await kernelBelow(root, into);
  assert.ok(kernel);
  assert.equal(kernel.kernelFile, join(root, 'boot', `vmlinuz-${release}`));
  const order = ['virtio_ring', 'virtio', 'virtio_pci', 'virtio_blk', 'libcrc32c', 'xfs'].map(
    (module) => `${module}.ko`,
  );
  assert.deepEqual(
    kernel.modules.filter((module) => order.includes(module)),
    order.filter((module) => kernel.modules.includes(module)),
  );
  for (const module of kernel.modules) {
    const content = await readFile(join(into, module));
    assert.equal(content.toString('latin1', 0, 4), '\x7fELF', module);
  }
  assert.deepEqual((await readdir(into)).sort(), [...kernel.modules].sort());

  await rename(modules, `${modules}-elsewhere`);
  assert.equal(await kernelBelow(root, into), undefined);
});

test('names what is missing: busybox without libraries, or a kernel', async () => {
  const path = process.env['PATH'];
  const programs = join(folder.path, 'programs');
  const options = {
    ...applianceOptions(join(folder.path, 'nothing')),
    packageCacheDirectory: join(folder.path, 'none'),
  };
  const names = (words: RegExp) => (error: unknown) =>
    hasCode(error, 'PREREQUISITE_MISSING') && words.test(error.remedy);
  const busybox = (await runCommandOrThrow('sh', ['-c', 'command -v busybox'])).trim();
  await mkdir(programs);
  process.env['PATH'] = programs;
  try {
    await assert.rejects(openAppliance(options, NEVER), names(/busybox-static/));
    // One that needs libraries will not do.
    await symlink('/bin/ls', join(programs, 'busybox'));
    await assert.rejects(openAppliance(options, NEVER), names(/busybox-static/));
    await rm(join(programs, 'busybox'));
    await symlink(busybox, join(programs, 'busybox'));
    await assert.rejects(openAppliance(options, NEVER), names(/linux-image/));
    assert.deepEqual(await readdir(options.applianceDirectory), []);
  } finally {
    process.env['PATH'] = path;
  }
});
