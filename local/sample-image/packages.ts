/** The Debian packages that the sample image is made of. */
import { join } from 'node:path';
import { downloadDebianPackages, findKernelPackage, unpackDebianPackages } from '#shared/host/debian-packages.ts';

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
  const kernelPackage = await findKernelPackage(cacheDirectory);
  await downloadDebianPackages([kernelPackage, ...GUEST_PACKAGES, ...BOOT_LOADER_PACKAGES], cacheDirectory, log);
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
  await Promise.all([
    unpackDebianPackages([kernelPackage], cacheDirectory, unpacked.kernel),
    unpackDebianPackages(GUEST_PACKAGES, cacheDirectory, unpacked.guest),
    unpackDebianPackages(BOOT_LOADER_PACKAGES, cacheDirectory, unpacked.bootLoader),
  ]);
  return unpacked;
}
