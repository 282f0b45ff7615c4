/** Lays out the files of a guest: busybox, dropbear, the kernel, its initramfs, and the scripts of guest/. */
import { chmod, copyFile, cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
const SCRIPTS = new Map([
  ['start-system.sh', 'usr/sbin/start-system'],
  ['apply-vc-out.sh', 'usr/sbin/apply-vc-out'],
  ['announce-ready.sh', 'usr/sbin/announce-ready'],
  ['flatten-xml.awk', 'usr/share/edgeboot/flatten-xml.awk'],
  ['power-button.sh', 'etc/acpi/PWRF/00000080'],
]);
const LIBRARIES = ['libc.so.6', 'libcrypt.so.1', 'libgmp.so.10', 'libtomcrypt.so.1', 'libtommath.so.1', 'libz.so.1'];
const FOLDERS = ['boot', 'dev', 'proc', 'sys', 'run', 'tmp', 'root', 'bin', 'sbin', 'lib64', 'etc/dropbear', 'var/log'];
const SETTINGS = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  'etc/group': 'root:x:0:\n',
  // No password: public keys only.
  'etc/shadow': 'root:*:19000:0:99999:7:::\n',
  'etc/shells': '/bin/sh\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
  'etc/inittab': [
    '::sysinit:/usr/sbin/start-system',
    '::respawn:/usr/sbin/dropbear -F -E -R -s -p 22',
    '::respawn:/usr/sbin/announce-ready',
    '::respawn:/sbin/acpid -d',
    '::shutdown:/bin/umount -a -r',
    '',
  ].join('\n'),
};

/**
 * @param role the frontend also has `dbclient`, to reach the computes.
 * @param directory must not exist; becomes the guest's root.
 */
export async function layOutRoot(
  role: 'frontend' | 'compute',
  packages: UnpackedPackages,
  directory: string,
): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(directory, folder), { recursive: true });
  await chmod(join(directory, 'root'), 0o700);
  for (const [path, content] of Object.entries(SETTINGS)) await writeFile(join(directory, path), content);
  await chmod(join(directory, 'etc/shadow'), 0o600);
  await installBusybox(packages, directory);
  await installDropbear(role, packages, directory);
  for (const [script, path] of SCRIPTS) await install(guestFile(script), join(directory, path));
  await copyFile(await findKernel(packages), join(directory, 'boot/vmlinuz'));
  await writeFile(join(directory, 'boot/initrd.img'), await buildInitramfs(packages, `${directory}.initramfs`));
}

async function installBusybox(packages: UnpackedPackages, directory: string): Promise<void> {
  const busybox = join(directory, 'bin/busybox');
  await install(busyboxOf(packages), busybox);
  const applets = (await runCommandOrThrow(busybox, ['--list'])).split('\n').filter((name) => name !== '');
  // The dpkg and rpm applets would only confuse.
  const wanted = applets.filter((name) => !/^(?:busybox|dpkg|rpm)/.test(name));
  await Promise.all(wanted.map((name) => symlink('busybox', join(directory, 'bin', name))));
  for (const name of ['init', 'acpid', 'poweroff', 'reboot', 'halt']) {
    await symlink('../bin/busybox', join(directory, 'sbin', name));
  }
}

async function installDropbear(
  role: 'frontend' | 'compute',
  packages: UnpackedPackages,
  directory: string,
): Promise<void> {
  const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((f) => join(packages.guest, f));
  const libraries = join(directory, 'lib/x86_64-linux-gnu');
  await mkdir(libraries, { recursive: true });
  for (const name of LIBRARIES) {
    const folder = await firstFolderWith(libraryFolders, name);
    await cp(join(folder, name), join(libraries, name), { dereference: true });
  }
  const loader = 'ld-linux-x86-64.so.2';
  const loaderFolder = await firstFolderWith(libraryFolders, loader);
  await install(join(loaderFolder, loader), join(directory, 'lib64', loader));
  await install(join(packages.guest, 'usr/sbin/dropbear'), join(directory, 'usr/sbin/dropbear'));
  if (role === 'frontend') {
    await install(join(packages.guest, 'usr/bin/dbclient'), join(directory, 'usr/bin/dbclient'));
  }
}

async function buildInitramfs(packages: UnpackedPackages, directory: string): Promise<Buffer> {
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'root', 'modules']) {
    await mkdir(join(directory, folder), { recursive: true });
  }
  const busybox = join(directory, 'bin/busybox');
  await install(busyboxOf(packages), busybox);
  await install(guestFile('initramfs-init.sh'), join(directory, 'init'));
  const [release] = await readdir(join(packages.kernel, 'lib/modules'));
  if (release === undefined) throw new Error('the kernel package holds no modules');
  for (const module of MODULES) {
    const source = join(packages.kernel, 'lib/modules', release, 'kernel', module);
    await copyFile(source, join(directory, 'modules', basename(module)));
  }
  await writeFile(join(directory, 'modules/order'), `${MODULES.map((module) => basename(module)).join('\n')}\n`);
  const names = await readdir(directory, { recursive: true });
  const archive = `${directory}.cpio`;
  await runCommandOrThrow(busybox, ['cpio', '-o', '-H', 'newc', '-R', '0:0', '-F', archive], {
    input: `${names.sort().join('\n')}\n`,
    workingDirectory: directory,
  });
  return promisify(gzip)(await readFile(archive));
}

async function findKernel(packages: UnpackedPackages): Promise<string> {
  const kernel = (await readdir(join(packages.kernel, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error('the kernel package holds no kernel');
  return join(packages.kernel, 'boot', kernel);
}

async function firstFolderWith(folders: readonly string[], name: string): Promise<string> {
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => []);
    if (names.includes(name)) return folder;
  }
  throw new Error(`the packages hold no ${name}`);
}

async function install(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await cp(source, target, { dereference: true });
  await chmod(target, 0o755);
}

function busyboxOf(packages: UnpackedPackages): string {
  return join(packages.guest, 'bin/busybox');
}

function guestFile(name: string): string {
  return new URL(`./guest/${name}`, import.meta.url).pathname;
}
