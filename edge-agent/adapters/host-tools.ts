/** The programs that the agent runs, and where Debian has them. */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';

const PACKAGE_OF_TOOL = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  'qemu-storage-daemon': 'qemu-system-common',
  debugfs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  xorriso: 'xorriso',
  busybox: 'busybox-static',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  ip: 'iproute2',
  nft: 'nftables',
  dnsmasq: 'dnsmasq-base',
  socat: 'socat',
  'ssh-keygen': 'openssh-client',
} as const;

export interface MissingTool {
  readonly tool: string;
  readonly debianPackage: string;
}

export async function findMissingTools(): Promise<MissingTool[]> {
  const checked = await Promise.all(
    Object.entries(PACKAGE_OF_TOOL).map(async ([tool, debianPackage]) =>
      (await isThere(tool)) ? [] : [{ tool, debianPackage }],
    ),
  );
  return checked.flat();
}

async function isThere(tool: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const attempts = folders.map((folder) => access(path.join(folder, tool), constants.X_OK));
  return Promise.any(attempts).then(
    () => true,
    () => false,
  );
}
