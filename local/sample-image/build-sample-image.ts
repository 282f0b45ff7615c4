/**
 * A small, real cluster image that follows the image standard: Debian's cloud kernel, busybox, dropbear. For the demo and the
 * tests; its guest configures itself from /root/vc-out.xml and says READY as the guest kit does.
 */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackPackages } from './packages.ts';
import { makeRawDisk } from './raw-disk.ts';
import { layOutRoot } from './root-filesystem.ts';

const DISK_SIZE_BYTES = 256 * 1024 * 1024;

export interface SampleImageOptions {
  /** Receives frontend.raw and compute.raw; made where it is missing. */
  readonly directory: string;
  /** Keeps the downloaded Debian packages. */
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
}

export interface SampleImage {
  readonly frontendDisk: string;
  readonly computeDisk: string;
}

/** @throws EdgebootError PREREQUISITE_MISSING when a package cannot be had or a program is missing. */
export async function buildSampleImage(options: SampleImageOptions): Promise<SampleImage> {
  await mkdir(options.directory, { recursive: true });
  const workDirectory = await mkdtemp(join(options.directory, '.build-'));
  try {
    const packages = await unpackPackages(options.cacheDirectory, workDirectory, options.log);
    const build = async (role: 'frontend' | 'compute'): Promise<string> => {
      const root = join(workDirectory, role);
      await layOutRoot(role, packages, root);
      const unfinished = join(workDirectory, `${role}.raw`);
      await makeRawDisk({
        root,
        diskFile: unfinished,
        sizeBytes: DISK_SIZE_BYTES,
        bootLoader: packages.bootLoader,
        fileSystem: 'ext4',
      });
      const diskFile = join(options.directory, `${role}.raw`);
      await rename(unfinished, diskFile);
      options.log(`built ${role}.raw`);
      return diskFile;
    };
    const [frontendDisk, computeDisk] = await Promise.all([build('frontend'), build('compute')]);
    return { frontendDisk, computeDisk };
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}
