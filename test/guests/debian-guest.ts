/** A Debian guest: root file system from the archive, kernel, what its kind needs, and a bootable disk. */
import { copyFile, link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { buildInitramfs, findKernel, modulesFolder, type RootFileSystem } from '../../local/sample-image/initramfs.ts';
import type { UnpackedPackages } from '../../local/sample-image/packages.ts';
import { makeRawDisk } from '../../local/sample-image/raw-disk.ts';
import type { GuestKind, GuestOptions } from './build-guest.ts';
import { debianRootArchive } from './debian-root.ts';

const GUEST_KIT_INSTALLER = fileURLToPath(new URL('../../guest-kit/install.sh', import.meta.url));
const DISK_SIZE_BYTES = 1024 * 1024 * 1024;
/** MPI, and a program that sends messages between two nodes and measures them. */
const CLUSTER_PACKAGES = ['ifupdown', 'procps', 'mpich', 'netpipe-mpich2'];
/** As makers of such images do: it looks for seeds alone, and is done sooner. */
const CLOUD_INIT_SETTINGS = 'datasource_list: [NoCloud, None]\nlocale: false\nssh_genkeytypes: [ed25519]\n';
const CLOUD_INIT_PACKAGES = ['dbus', 'cloud-init', 'netplan.io'];
/** Of the kernel's modules, those that a virtual machine may ask for. */
const MODULE_FOLDERS = [
  ...['lib', 'crypto', 'arch', 'net/core', 'fs/xfs', 'fs/isofs', 'fs/fat', 'fs/nls', 'fs/autofs'],
  ...['drivers/virtio', 'drivers/char', 'drivers/acpi', 'drivers/input', 'drivers/block', 'drivers/cdrom'],
];
const MODULE_FILES = ['drivers/net/virtio_net.ko', 'drivers/net/net_failover.ko'];
/** Chores of a machine that lives for years. */
const UNWANTED_UNITS = /^(?:apt-daily|dpkg-db-backup|e2scrub|fstrim|man-db)/;
/** What no test looks for: under emulation each costs up to half a second. */
const MASKED_UNITS = [
  ...['getty-static.service', 'getty@tty1.service', 'kmod-static-nodes.service', 'systemd-random-seed.service'],
  ...['systemd-journal-flush.service', 'systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service'],
  ...['configfs', 'dm_mod', 'drm', 'efi_pstore', 'fuse', 'loop'].map((module) => `modprobe@${module}.service`),
  ...['dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount'],
];
const UNITS_FOLDER = 'etc/systemd/system';
const ENABLE_NETWORKD = `${UNITS_FOLDER}/multi-user.target.wants/systemd-networkd.service`;

export type DebianKind = Extract<GuestKind, `debian-${string}`>;

export interface DebianGuestOptions extends GuestOptions {
  readonly packages: UnpackedPackages;
}

/** The frontend's and the compute's disk are the same: the document tells them apart. */
export async function buildDebianGuest(kind: DebianKind, options: DebianGuestOptions): Promise<void> {
  const { packages, workDirectory, directory } = options;
  const hasKit = kind !== 'debian-cloud-init';
  const fileSystem: RootFileSystem = kind === 'debian-kit-xfs' ? 'xfs' : 'ext4';
  const wanted = hasKit ? CLUSTER_PACKAGES : CLOUD_INIT_PACKAGES;
  const archive = await debianRootArchive(wanted, options.cacheDirectory, options.log);
  const root = join(workDirectory, 'root');
  await mkdir(root);
  await runCommandOrThrow('tar', ['-xf', archive, '-C', root, '--exclude=./dev/*']);
  await installKernel(packages, root, workDirectory, fileSystem);
  await settle(root);
  if (hasKit) await runCommandOrThrow('sh', [GUEST_KIT_INSTALLER, '--root', root]);
  if (kind !== 'debian-kit-ext4')
    await symlink('/lib/systemd/system/systemd-networkd.service', join(root, ENABLE_NETWORKD));
  if (!hasKit) {
    await writeFile(join(root, 'etc/cloud/cloud.cfg.d/95_seed.cfg'), CLOUD_INIT_SETTINGS);
  }
  const frontendDisk = join(directory, 'frontend.raw');
  const { bootLoader } = packages;
  await makeRawDisk({ root, diskFile: frontendDisk, sizeBytes: DISK_SIZE_BYTES, bootLoader, fileSystem });
  await link(frontendDisk, join(directory, 'compute.raw'));
}

async function installKernel(
  packages: UnpackedPackages,
  root: string,
  workDirectory: string,
  fileSystem: RootFileSystem,
): Promise<void> {
  const initramfs = await buildInitramfs(packages, join(workDirectory, 'initramfs'), fileSystem);
  await writeFile(join(root, 'boot/initrd.img'), initramfs);
  await copyFile(await findKernel(packages), join(root, 'boot/vmlinuz'));
  const source = await modulesFolder(packages);
  const release = basename(source);
  const target = join(root, 'usr/lib/modules', release);
  await mkdir(target, { recursive: true });
  for (const name of await readdir(source)) {
    if (name.startsWith('modules.')) await copyFile(join(source, name), join(target, name));
  }
  for (const path of [...MODULE_FOLDERS, ...MODULE_FILES]) {
    await mkdir(dirname(join(target, 'kernel', path)), { recursive: true });
    await runCommandOrThrow('cp', ['-R', join(source, 'kernel', path), dirname(join(target, 'kernel', path))]);
  }
  // The host may have no depmod; the guest has.
  await runCommandOrThrow('chroot', [root, 'depmod', release]);
}

/** What an installer would have left: a machine that starts without being asked anything. */
async function settle(root: string): Promise<void> {
  await writeFile(join(root, 'etc/machine-id'), '');
  await writeFile(join(root, 'etc/fstab'), '');
  for (const unit of MASKED_UNITS) await symlink('/dev/null', join(root, UNITS_FOLDER, unit));
  // For upgrades; its names are more than mkfs.xfs can take.
  await rm(join(root, 'var/lib/ucf/cache'), { recursive: true, force: true });
  for (const folder of await readdir(join(root, UNITS_FOLDER))) {
    if (!folder.endsWith('.wants')) continue;
    for (const unit of await readdir(join(root, UNITS_FOLDER, folder))) {
      if (UNWANTED_UNITS.test(unit)) await rm(join(root, UNITS_FOLDER, folder, unit));
    }
  }
}
