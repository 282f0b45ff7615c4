/** The kernel of a guest, and the small initramfs that finds its disk. */
import { chmod, copyFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { UnpackedPackages } from './packages.ts';

/** In the order in which they must be loaded. The first ones find the disk; the rest are network, readiness, entropy, power. */
const MODULES = [
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'drivers/block/virtio_blk.ko',
  'drivers/char/hw_random/virtio-rng.ko',
  'net/core/failover.ko',
  'drivers/net/net_failover.ko',
  'drivers/net/virtio_net.ko',
  'drivers/char/virtio_console.ko',
  'drivers/input/evdev.ko',
  'drivers/acpi/button.ko',
];
/** ext4 is part of the kernel itself. */
const XFS_MODULES = ['lib/libcrc32c.ko', 'fs/xfs/xfs.ko'];

export type RootFileSystem = 'ext4' | 'xfs';

/** @param workDirectory must not exist; left behind for the caller to remove. */
export async function buildInitramfs(
  packages: UnpackedPackages,
  workDirectory: string,
  fileSystem: RootFileSystem,
): Promise<Buffer> {
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'root', 'modules']) {
    await mkdir(join(workDirectory, folder), { recursive: true });
  }
  const busybox = join(workDirectory, 'bin/busybox');
  await installProgram(busyboxOf(packages), busybox);
  await installProgram(
    fileURLToPath(new URL('./guest/initramfs-init.sh', import.meta.url)),
    join(workDirectory, 'init'),
  );
  const modules = fileSystem === 'xfs' ? [...MODULES, ...XFS_MODULES] : MODULES;
  const folder = join(await modulesFolder(packages), 'kernel');
  for (const module of modules) {
    await copyFile(join(folder, module), join(workDirectory, 'modules', basename(module)));
  }
  await writeFile(join(workDirectory, 'modules/order'), `${modules.map((module) => basename(module)).join('\n')}\n`);
  await writeFile(join(workDirectory, 'file-system'), `${fileSystem}\n`);
  const names = await readdir(workDirectory, { recursive: true });
  const archive = `${workDirectory}.cpio`;
  await runCommandOrThrow(busybox, ['cpio', '-o', '-H', 'newc', '-R', '0:0', '-F', archive], {
    input: `${names.sort().join('\n')}\n`,
    workingDirectory: workDirectory,
  });
  return promisify(gzip)(await readFile(archive));
}

/** The kernel's modules as the package has them: `lib/modules/<release>`. */
export async function modulesFolder(packages: UnpackedPackages): Promise<string> {
  const [release] = await readdir(join(packages.kernel, 'lib/modules'));
  if (release === undefined) throw new Error('the kernel package holds no modules');
  return join(packages.kernel, 'lib/modules', release);
}

export async function findKernel(packages: UnpackedPackages): Promise<string> {
  const kernel = (await readdir(join(packages.kernel, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error('the kernel package holds no kernel');
  return join(packages.kernel, 'boot', kernel);
}

export function busyboxOf(packages: UnpackedPackages): string {
  return join(packages.guest, 'bin/busybox');
}

/** Copies what `source` stands for, executable. */
export async function installProgram(source: string, target: string): Promise<void> {
  await mkdir(join(target, '..'), { recursive: true });
  await cp(source, target, { dereference: true });
  await chmod(target, 0o755);
}
