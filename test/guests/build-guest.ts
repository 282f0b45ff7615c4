/**
 * Real guests for the tests, as raw disks: what sites deploy, and the sample image. They are kept in `build/`, under a digest of what
 * they are made of; the packages stay there too, so that building again needs no network.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { holdLock } from '../../edge-agent/adapters/host-lock.ts';
import { buildSampleImage } from '../../local/sample-image/build-sample-image.ts';
import { unpackPackages } from '../../local/sample-image/packages.ts';
import { buildDebianGuest } from './debian-guest.ts';
import { buildLegacyGuest } from './legacy-guest.ts';

/**
 * debian-kit-ext4: Debian with ifupdown, MPI and the guest kit. debian-kit-xfs: the same with systemd-networkd, on xfs.
 * debian-cloud-init: Debian with cloud-init and netplan, without the kit. legacy: what guests of the original did, no more.
 * sample: the demo's image.
 */
export type GuestKind = 'debian-kit-ext4' | 'debian-kit-xfs' | 'debian-cloud-init' | 'legacy' | 'sample';

/** Everybody's: they are read, never written. */
export interface BuiltGuest {
  readonly frontendDisk: string;
  readonly computeDisk: string;
}

export type Log = (line: string) => void;

const CACHE = fileURLToPath(new URL('../../build', import.meta.url));
/** Everything that a guest is made of, beside packages. */
const INPUTS = ['guest-kit', 'local/sample-image', 'test/guests'];
const DISKS = ['frontend.raw', 'compute.raw'] as const;

/** @throws EdgebootError PREREQUISITE_MISSING when a package cannot be had or a program is missing. */
export async function buildGuest(kind: GuestKind, log: Log): Promise<BuiltGuest> {
  const kept = join(CACHE, 'guests');
  await mkdir(kept, { recursive: true });
  const name = `${kind}-${await digestInputs()}`;
  if (!(await readdir(kept)).includes(name)) {
    // Others who want it wait, as far as they share our network namespace; two who do not both build it.
    const release = await holdLock(`guest ${join(kept, name)}`);
    try {
      if (!(await readdir(kept)).includes(name)) await buildInto(kept, name, kind, log);
    } finally {
      await release();
    }
  }
  const [frontendDisk, computeDisk] = DISKS.map((disk) => join(kept, name, disk)) as [string, string];
  return { frontendDisk, computeDisk };
}

/** For suites in namespaces, which have no network: called outside, it leaves the guest where they find it. */
export const prepareGuest =
  (kind: GuestKind) =>
  (t: TestContext): Promise<BuiltGuest> =>
    buildGuest(kind, (line) => t.diagnostic(line));

async function buildInto(kept: string, name: string, kind: GuestKind, log: Log): Promise<void> {
  const startedAt = Date.now();
  const workDirectory = await mkdtemp(join(kept, '.build-'));
  try {
    const built = join(workDirectory, 'disks');
    await mkdir(built);
    await build(kind, { directory: built, workDirectory, cacheDirectory: CACHE, log });
    for (const disk of DISKS) await chmod(join(built, disk), 0o444);
    // Somebody else may have been faster.
    await rename(built, join(kept, name)).catch((error: unknown) => {
      if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    });
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
  log(`built ${kind} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  await removeOlder(kept, kind, name);
}

export interface GuestOptions {
  /** Receives frontend.raw and compute.raw. */
  readonly directory: string;
  /** Removed by the caller. */
  readonly workDirectory: string;
  /** Keeps packages and archives. */
  readonly cacheDirectory: string;
  readonly log: Log;
}

async function build(kind: GuestKind, options: GuestOptions): Promise<void> {
  const { directory, workDirectory, log } = options;
  const packagesDirectory = join(options.cacheDirectory, 'debian-packages');
  if (kind === 'sample') {
    await buildSampleImage({ directory, cacheDirectory: packagesDirectory, log });
    return;
  }
  const packages = await unpackPackages(packagesDirectory, workDirectory, log);
  if (kind === 'legacy') await buildLegacyGuest(packages, directory, workDirectory);
  else await buildDebianGuest(kind, { ...options, packages });
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
