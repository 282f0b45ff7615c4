/** Where the appliance's kernel comes from: the host's own where it has one that fits, otherwise Debian's for virtual machines. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import { downloadDebianPackages, findKernelPackage, unpackDebianPackages } from '#shared/host/debian-packages.ts';
import { asDiskError } from '../../disk-errors.ts';
import { layOutModules } from './kernel-modules.ts';

export interface Kernel {
  /** As a boot loader would take it. */
  readonly kernelFile: string;
  /** Files in the folder that was given, in the order in which they must be loaded. */
  readonly modules: readonly string[];
}

export interface KernelFolders {
  /** Empty: gets the modules. */
  readonly modules: string;
  /** Made to unpack a package; the kernel may lie in it afterwards. */
  readonly package: string;
  /** For a package that must be downloaded. */
  readonly packageCache: string;
}

/** @throws EdgebootError PREREQUISITE_MISSING where neither is to be had. */
export async function findKernel(folders: KernelFolders): Promise<Kernel> {
  return (await kernelBelow('/', folders.modules)) ?? downloadedKernel(folders);
}

/** Whose root is `root`, of those that have the modules. */
export async function kernelBelow(root: string, into: string): Promise<Kernel | undefined> {
  const kernels = await readdir(join(root, 'boot')).catch((): string[] => []);
  for (const release of byPreference(kernels)) {
    try {
      const modules = await layOutModules(join(root, 'lib/modules', release), into);
      return { kernelFile: join(root, 'boot', `vmlinuz-${release}`), modules };
    } catch {
      // Its modules are not there, or others than we need: the next kernel may do.
      await rm(into, { recursive: true, force: true });
      await mkdir(into);
    }
  }
  return undefined;
}

/** The one that runs now is known to work here; then the newest. */
function byPreference(filesInBoot: readonly string[]): string[] {
  const releases = filesInBoot.flatMap((name) => (name.startsWith('vmlinuz-') ? [name.slice('vmlinuz-'.length)] : []));
  const newestFirst = releases.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return [...newestFirst.filter((name) => name === release()), ...newestFirst.filter((name) => name !== release())];
}

async function downloadedKernel(folders: KernelFolders): Promise<Kernel> {
  try {
    const name = await findKernelPackage(folders.packageCache);
    await downloadDebianPackages([name], folders.packageCache, () => undefined);
    await unpackDebianPackages([name], folders.packageCache, folders.package);
    const kernel = await kernelBelow(folders.package, folders.modules);
    if (kernel === undefined) throw new Error(`${name} lacks modules`);
    return kernel;
  } catch (error) {
    const cause = asDiskError(error);
    if (hasCode(cause, 'DISK_FULL')) throw cause;
    throw new EdgebootError('PREREQUISITE_MISSING', `there is no kernel for the appliance: ${messageOf(cause)}`, {
      cause,
      remedy:
        'Install a kernel with the modules virtio_blk and xfs (linux-image-amd64), or run apt-get update, then try again.',
    });
  }
}
