/** The Debian packages that the sample image is made of: downloaded once, kept in a folder, unpacked without being installed. */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';

/** Depends on the newest kernel of its kind; it is empty itself. */
const KERNEL_META_PACKAGE = 'linux-image-cloud-amd64';
const KERNEL_PACKAGE = /^linux-image-[0-9][a-z0-9.+-]*-cloud-amd64$/;
const GUEST_PACKAGES = [
  'busybox-static',
  'dropbear-bin',
  'libc6',
  'libcrypt1',
  'libgmp10',
  'libtomcrypt1',
  'libtommath1',
  'zlib1g',
] as const;
const DOWNLOAD_TIMEOUT_SECONDS = 600;
const BOOT_LOADER_PACKAGES = ['grub-common', 'grub-pc-bin'] as const;

/** Folders, each with the unpacked files of some packages. */
export interface UnpackedPackages {
  readonly kernel: string;
  readonly guest: string;
  readonly bootLoader: string;
}

/**
 * Fills the cache where something is missing; once it is complete, no network is needed.
 * @returns the name of the kernel's package.
 * @throws EdgebootError PREREQUISITE_MISSING when apt cannot get one of the packages.
 */
export async function downloadPackages(cacheDirectory: string, log: (line: string) => void): Promise<string> {
  await mkdir(cacheDirectory, { recursive: true });
  const kernelPackage = await findKernelPackage(cacheDirectory);
  await download([kernelPackage, ...GUEST_PACKAGES, ...BOOT_LOADER_PACKAGES], cacheDirectory, log);
  return kernelPackage;
}

/** Downloads what is missing, then unpacks everything below `directory`. */
export async function unpackPackages(
  cacheDirectory: string,
  directory: string,
  log: (line: string) => void,
): Promise<UnpackedPackages> {
  const kernelPackage = await downloadPackages(cacheDirectory, log);

  const unpacked = {
    kernel: join(directory, 'kernel'),
    guest: join(directory, 'guest'),
    bootLoader: join(directory, 'boot-loader'),
  };
  const files = await readdir(cacheDirectory);
  const unpack = async (packages: readonly string[], into: string): Promise<void> => {
    await mkdir(into, { recursive: true });
    for (const name of packages) {
      const file = packageFile(files, name);
      if (file === undefined) throw new Error(`apt-get did not leave ${name} in ${cacheDirectory}`);
      await runCommandOrThrow('dpkg-deb', ['-x', join(cacheDirectory, file), into]);
    }
  };
  await Promise.all([
    unpack([kernelPackage], unpacked.kernel),
    unpack(GUEST_PACKAGES, unpacked.guest),
    unpack(BOOT_LOADER_PACKAGES, unpacked.bootLoader),
  ]);
  return unpacked;
}

/** A kernel that is in the cache already is good enough: the image does not change with every security update. */
async function findKernelPackage(cacheDirectory: string): Promise<string> {
  const cached = (await readdir(cacheDirectory))
    .map((file) => file.split('_')[0] ?? '')
    .find((name) => KERNEL_PACKAGE.test(name));
  if (cached !== undefined) return cached;
  const depends = await runCommandOrThrow('apt-cache', ['depends', KERNEL_META_PACKAGE]);
  const name = depends.split(/\s+/).find((word) => KERNEL_PACKAGE.test(word));
  if (name === undefined) throw missing(`apt knows no package that ${KERNEL_META_PACKAGE} stands for`);
  return name;
}

async function download(wanted: readonly string[], cacheDirectory: string, log: (line: string) => void): Promise<void> {
  const files = await readdir(cacheDirectory);
  const absent = wanted.filter((name) => packageFile(files, name) === undefined);
  if (absent.length === 0) return;
  log(`downloading ${absent.length} Debian packages for the sample image`);
  // Into a folder of its own first: a package that is in the cache is whole, also for somebody who fills it at the same time.
  const unfinished = await mkdtemp(join(cacheDirectory, '.download-'));
  try {
    // Without its sandbox user apt-get can write into a folder that only we may enter.
    const args = ['download', '--quiet', '--option', 'APT::Sandbox::User=root', ...absent];
    const { exitCode, stderr } = await runCommand('apt-get', args, {
      workingDirectory: unfinished,
      timeoutSeconds: DOWNLOAD_TIMEOUT_SECONDS,
    });
    if (exitCode !== 0) throw missing(`apt-get download failed: ${stderr.trim().slice(-1000)}`);
    for (const file of await readdir(unfinished)) await rename(join(unfinished, file), join(cacheDirectory, file));
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function packageFile(files: readonly string[], name: string): string | undefined {
  return files.find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
}

function missing(what: string): EdgebootError {
  return new EdgebootError('PREREQUISITE_MISSING', what, { remedy: 'Run apt-get update, then try again.' });
}
