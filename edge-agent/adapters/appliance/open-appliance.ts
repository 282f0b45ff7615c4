/** Keeps the appliance in a folder: built when it is first needed, and again where it is damaged or of another version. */
import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isNotThere } from '../../durable-files.ts';
import { asDiskError } from '../../disk-errors.ts';
import { holdLock } from '../host-lock.ts';
import { buildAppliance, INIT_SCRIPT } from './build-appliance.ts';

/** Open files: they stay what was verified, whatever happens to their names. */
export interface Appliance extends AsyncDisposable {
  readonly kernel: FileHandle;
  readonly initramfs: FileHandle;
}

export interface ApplianceFiles {
  /** The appliance's own; made where it is missing, filled when the appliance is first needed. */
  readonly applianceDirectory: string;
  /** Keeps the kernel's package, where the host has no kernel that fits; downloaded for each build otherwise. */
  readonly packageCacheDirectory?: string;
}

const FILES = ['kernel', 'initramfs'] as const;
const DIGESTS = 'digests.json';
const digestsSchema = z.object({ kernel: z.string(), initramfs: z.string() });
/** Names that we make in the folder. */
const OURS = /^(?:[0-9a-f]{16}|\.building-.+)$/;

/**
 * Any number of callers, in any number of processes: one builds, the others wait for it.
 * @throws EdgebootError PREREQUISITE_MISSING, DISK_FULL; the signal's reason when it was aborted.
 */
export async function openAppliance(options: ApplianceFiles, signal: AbortSignal): Promise<Appliance> {
  const target = join(options.applianceDirectory, await versionName());
  const there = await openVerified(target);
  if (there !== undefined) return there;
  try {
    await mkdir(options.applianceDirectory, { recursive: true });
    const release = await holdLock(`appliance in ${await realpath(options.applianceDirectory)}`, signal);
    try {
      const builtMeanwhile = await openVerified(target);
      if (builtMeanwhile !== undefined) return builtMeanwhile;
      await build(options, target);
    } finally {
      await release();
    }
  } catch (error) {
    throw asDiskError(error);
  }
  const built = await openVerified(target);
  if (built === undefined) throw new Error(`the appliance in ${target} is damaged as soon as it is built`);
  return built;
}

/** Of the script: the kernel is good enough as long as it is whole. */
async function versionName(): Promise<string> {
  return sha256(await readFile(INIT_SCRIPT)).slice(0, 16);
}

async function openVerified(directory: string): Promise<Appliance | undefined> {
  await using opened = new AsyncDisposableStack();
  try {
    const digests = digestsSchema.parse(JSON.parse(await readFile(join(directory, DIGESTS), 'utf8')));
    const handles: FileHandle[] = [];
    for (const name of FILES) {
      const handle = opened.use(await open(join(directory, name), 'r'));
      if (sha256(await handle.readFile()) !== digests[name]) return undefined;
      handles.push(handle);
    }
    const [kernel, initramfs] = handles;
    if (kernel === undefined || initramfs === undefined) return undefined;
    const held = opened.move();
    return { kernel, initramfs, [Symbol.asyncDispose]: () => held.disposeAsync() };
  } catch (error) {
    // A file that is missing, or digests that are none.
    if (isNotThere(error) || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

async function build(options: ApplianceFiles, target: string): Promise<void> {
  // Whoever holds the lock is alone here: of another version, damaged, or left by somebody who was killed.
  for (const name of await readdir(options.applianceDirectory)) {
    if (OURS.test(name)) await rm(join(options.applianceDirectory, name), { recursive: true, force: true });
  }
  const work = await mkdtemp(join(options.applianceDirectory, '.building-'));
  try {
    const { kernelFile, initramfsFile } = await buildAppliance(
      work,
      options.packageCacheDirectory ?? join(work, 'packages'),
    );
    const finished = join(work, 'finished');
    await mkdir(finished);
    const digests: Record<string, string> = {};
    for (const [name, file] of [
      ['kernel', kernelFile],
      ['initramfs', initramfsFile],
    ] as const) {
      await copyFile(file, join(finished, name));
      // The VM's process reads them, as a user who owns nothing.
      await chmod(join(finished, name), 0o644);
      digests[name] = sha256(await readFile(join(finished, name)));
    }
    await writeFile(join(finished, DIGESTS), JSON.stringify(digests));
    await rename(finished, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
