/** Debian packages as files: downloaded once, kept in a folder, unpacked without being installed. */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgebootError } from '../errors.ts';
import { runCommand, runCommandOrThrow } from './run-command.ts';

/** Depends on the newest kernel of its kind; it is empty itself. */
const KERNEL_META_PACKAGE = 'linux-image-cloud-amd64';
const KERNEL_PACKAGE = /^linux-image-[0-9][a-z0-9.+-]*-cloud-amd64$/;
const DOWNLOAD_TIMEOUT_SECONDS = 600;

/**
 * The name of the package of Debian's kernel for virtual machines. One that is in the cache already is good enough: what is built
 * of it does not change with every security update.
 * @throws EdgebootError PREREQUISITE_MISSING when apt knows none.
 */
export async function findKernelPackage(cacheDirectory: string): Promise<string> {
  await mkdir(cacheDirectory, { recursive: true });
  const cached = (await readdir(cacheDirectory))
    .map((file) => file.split('_')[0] ?? '')
    .find((name) => KERNEL_PACKAGE.test(name));
  if (cached !== undefined) return cached;
  const depends = await runCommandOrThrow('apt-cache', ['depends', KERNEL_META_PACKAGE]).catch((cause: unknown) => {
    throw missing(`apt does not answer for ${KERNEL_META_PACKAGE}`, cause);
  });
  const name = depends.split(/\s+/).find((word) => KERNEL_PACKAGE.test(word));
  if (name === undefined) throw missing(`apt knows no package that ${KERNEL_META_PACKAGE} stands for`);
  return name;
}

/**
 * Fills the cache where something is missing; once it is complete, no network is needed.
 * @throws EdgebootError PREREQUISITE_MISSING when apt cannot get one of the packages.
 */
export async function downloadDebianPackages(
  wanted: readonly string[],
  cacheDirectory: string,
  log: (line: string) => void,
): Promise<void> {
  await mkdir(cacheDirectory, { recursive: true });
  const files = await readdir(cacheDirectory);
  const absent = wanted.filter((name) => packageFile(files, name) === undefined);
  if (absent.length === 0) return;
  log(`downloading ${absent.length} Debian packages`);
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

/** Unpacks packages of the cache into a folder. Throws Error where the cache does not have one. */
export async function unpackDebianPackages(
  packages: readonly string[],
  cacheDirectory: string,
  into: string,
): Promise<void> {
  await mkdir(into, { recursive: true });
  const files = await readdir(cacheDirectory);
  for (const name of packages) {
    const file = packageFile(files, name);
    if (file === undefined) throw new Error(`apt-get did not leave ${name} in ${cacheDirectory}`);
    await runCommandOrThrow('dpkg-deb', ['-x', join(cacheDirectory, file), into]);
  }
}

function packageFile(files: readonly string[], name: string): string | undefined {
  return files.find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
}

function missing(what: string, cause?: unknown): EdgebootError {
  return new EdgebootError('PREREQUISITE_MISSING', what, { cause, remedy: 'Run apt-get update, then try again.' });
}
