/**
 * Real guests for the tests, as raw disks: what sites deploy, beside the sample image. They are kept in the cache, under a digest of
 * what they are made of; the packages stay there too, so that building again needs no network.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { unpackPackages } from '../../local/sample-image/packages.ts';
import { buildDebianGuest } from './debian-guest.ts';
import { buildLegacyGuest } from './legacy-guest.ts';

/**
 * debian-kit-ext4: Debian with ifupdown, MPI and the guest kit. debian-kit-xfs: the same with systemd-networkd, on xfs.
 * debian-cloud-init: Debian with cloud-init and netplan, without the kit. legacy: what guests of the original did, no more.
 */
export type GuestKind = 'debian-kit-ext4' | 'debian-kit-xfs' | 'debian-cloud-init' | 'legacy';

export interface GuestOptions {
  /** Receives frontend.raw and compute.raw; made where it is missing. */
  readonly directory: string;
  /** Keeps packages and built guests. */
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
}

export interface BuiltGuest {
  readonly frontendDisk: string;
  readonly computeDisk: string;
}

/** Everything that a guest is made of, beside packages. */
const INPUTS = ['guest-kit', 'local/sample-image', 'test/guests'];
const DISKS = ['frontend.raw', 'compute.raw'] as const;

/** @throws EdgebootError PREREQUISITE_MISSING when a package cannot be had or a program is missing. */
export async function buildGuest(kind: GuestKind, options: GuestOptions): Promise<BuiltGuest> {
  const { directory, cacheDirectory, log } = options;
  const kept = join(cacheDirectory, 'guests');
  await mkdir(kept, { recursive: true });
  const name = `${kind}-${await digestInputs()}`;
  if (!(await readdir(kept)).includes(name)) {
    const startedAt = Date.now();
    const workDirectory = await mkdtemp(join(kept, '.build-'));
    try {
      const built = join(workDirectory, 'disks');
      await mkdir(built);
      await build(kind, { directory: built, cacheDirectory, log }, workDirectory);
      // Somebody else may have been faster.
      await rename(built, join(kept, name)).catch((error: unknown) => {
        if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      });
    } finally {
      await rm(workDirectory, { recursive: true, force: true });
    }
    log(`built ${kind} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }
  await removeOlder(kept, kind, name);
  await mkdir(directory, { recursive: true });
  const copy = async (disk: string): Promise<string> => {
    // Always a copy: who writes into it does not change the cache.
    await runCommandOrThrow('cp', ['--sparse=always', join(kept, name, disk), directory]);
    return join(directory, disk);
  };
  const [frontendDisk, computeDisk] = await Promise.all(DISKS.map(copy));
  if (frontendDisk === undefined || computeDisk === undefined) throw new Error('a guest has two disks');
  return { frontendDisk, computeDisk };
}

async function build(kind: GuestKind, options: GuestOptions, workDirectory: string): Promise<void> {
  const packages = await unpackPackages(join(options.cacheDirectory, 'debian-packages'), workDirectory, options.log);
  if (kind === 'legacy') await buildLegacyGuest(packages, options.directory, workDirectory);
  else await buildDebianGuest(kind, { ...options, packages, workDirectory });
}

async function digestInputs(): Promise<string> {
  const hash = createHash('sha256');
  for (const input of INPUTS) {
    const folder = fileURLToPath(new URL(`../../${input}`, import.meta.url));
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    for (const file of files.sort()) hash.update(`${file.slice(folder.length)}\0`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** One guest of a kind is enough: they are large. */
async function removeOlder(kept: string, kind: GuestKind, name: string): Promise<void> {
  const older = (await readdir(kept)).filter((other) => other !== name && other.startsWith(`${kind}-`));
  const ofThisKind = older.filter((other) => /^[0-9a-f]{16}$/.test(other.slice(kind.length + 1)));
  await Promise.all(ofThisKind.map((other) => rm(join(kept, other), { recursive: true, force: true })));
}
