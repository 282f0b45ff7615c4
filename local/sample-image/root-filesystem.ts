/** Lays out the files of a guest: busybox, dropbear, the kernel, its initramfs, the guest kit, and the scripts of guest/. */
import { chmod, copyFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { buildInitramfs, busyboxOf, findKernel, installProgram } from './initramfs.ts';
import type { UnpackedPackages } from './packages.ts';

const SCRIPTS = new Map([
  ['start-system.sh', 'usr/sbin/start-system'],
  ['power-button.sh', 'etc/acpi/PWRF/00000080'],
]);
const GUEST_KIT_INSTALLER = fileURLToPath(new URL('../../guest-kit/install.sh', import.meta.url));
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
    '::respawn:/sbin/acpid -d',
    '::shutdown:/bin/umount -a -r',
    '',
  ].join('\n'),
};

export type Role = 'frontend' | 'compute';

/**
 * The sample guest.
 * @param directory must not exist; becomes the guest's root.
 */
export async function layOutRoot(role: Role, packages: UnpackedPackages, directory: string): Promise<void> {
  await layOutSystem(role, packages, directory);
  for (const [script, path] of SCRIPTS) {
    await installProgram(fileURLToPath(new URL(`./guest/${script}`, import.meta.url)), join(directory, path));
  }
  await runCommandOrThrow('sh', [GUEST_KIT_INSTALLER, '--root', directory]);
}

/**
 * A guest that starts, and has nothing yet that makes it a node: its init calls /usr/sbin/start-system, which is the caller's.
 * @param role the frontend also has dropbear's client, to reach the computes.
 */
export async function layOutSystem(role: Role, packages: UnpackedPackages, directory: string): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(directory, folder), { recursive: true });
  await chmod(join(directory, 'root'), 0o700);
  for (const [path, content] of Object.entries(SETTINGS)) await writeFile(join(directory, path), content);
  await chmod(join(directory, 'etc/shadow'), 0o600);
  await installBusybox(packages, directory);
  await installDropbear(role, packages, directory);
  await copyFile(await findKernel(packages), join(directory, 'boot/vmlinuz'));
  const initramfs = await buildInitramfs(packages, `${directory}.initramfs`, 'ext4');
  await writeFile(join(directory, 'boot/initrd.img'), initramfs);
}

async function installBusybox(packages: UnpackedPackages, directory: string): Promise<void> {
  const busybox = join(directory, 'bin/busybox');
  await installProgram(busyboxOf(packages), busybox);
  const applets = (await runCommandOrThrow(busybox, ['--list'])).split('\n').filter((name) => name !== '');
  // The dpkg and rpm applets would only confuse.
  const wanted = applets.filter((name) => !/^(?:busybox|dpkg|rpm)/.test(name));
  await Promise.all(wanted.map((name) => symlink('busybox', join(directory, 'bin', name))));
  for (const name of ['init', 'acpid', 'poweroff', 'reboot', 'halt']) {
    await symlink('../bin/busybox', join(directory, 'sbin', name));
  }
}

async function installDropbear(role: Role, packages: UnpackedPackages, directory: string): Promise<void> {
  const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((f) => join(packages.guest, f));
  const libraries = join(directory, 'lib/x86_64-linux-gnu');
  await mkdir(libraries, { recursive: true });
  for (const name of LIBRARIES) {
    const folder = await firstFolderWith(libraryFolders, name);
    await cp(join(folder, name), join(libraries, name), { dereference: true });
  }
  const loader = 'ld-linux-x86-64.so.2';
  const loaderFolder = await firstFolderWith(libraryFolders, loader);
  await installProgram(join(loaderFolder, loader), join(directory, 'lib64', loader));
  const programs = ['sbin/dropbear', ...(role === 'frontend' ? ['bin/dbclient', 'bin/dropbearconvert'] : [])];
  for (const program of programs) {
    await installProgram(join(packages.guest, 'usr', program), join(directory, 'usr', program));
  }
}

async function firstFolderWith(folders: readonly string[], name: string): Promise<string> {
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => []);
    if (names.includes(name)) return folder;
  }
  throw new Error(`the packages hold no ${name}`);
}
