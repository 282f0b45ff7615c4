/** Seeds for cloud-init: what its NoCloud data source looks for is a disk with a label and three files. */
import { chmod, mkdir, mkdtemp, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { asDiskError } from '../disk-errors.ts';
import type { SeedFiles } from '../ports.ts';
import { runDiskTool } from './disk-tool.ts';

/** cloud-init knows the disk by it. */
const LABEL = 'cidata';
/** It may hold keys. Whoever runs QEMU gives the file to QEMU's user, as it does with a node's overlay. */
const SEED_MODE = 0o600;
/** Of the files, as the guest sees them: cloud-init is root. */
const FILE_MODE = '0400';
/** An empty seed, and some room: xorriso does not always say that the disk is full. */
const NEEDED_BYTES = 1024 * 1024;

/**
 * Complete under its name, or not there. It lies beside its temporary files.
 * @throws EdgebootError DISK_FULL, PREREQUISITE_MISSING; the signal's reason when it was aborted.
 */
export async function createCloudInitSeed(seedFile: string, files: SeedFiles, signal: AbortSignal): Promise<void> {
  if (!isAbsolute(seedFile)) throw new Error('paths of disks must be absolute');
  signal.throwIfAborted();
  const folder = dirname(seedFile);
  // Nobody else may enter: the files are secrets here as well.
  const workDirectory = await mkdtemp(join(folder, '.seed-')).catch((error: unknown) => {
    throw asDiskError(error);
  });
  try {
    const content = join(workDirectory, 'content');
    await mkdir(content);
    await writeFile(join(content, 'meta-data'), files.metaData);
    await writeFile(join(content, 'user-data'), files.userData);
    await writeFile(join(content, 'network-config'), files.networkConfig);
    await writeImage(content, join(workDirectory, 'seed'), signal);
    await chmod(join(workDirectory, 'seed'), SEED_MODE);
    await rename(join(workDirectory, 'seed'), seedFile);
  } catch (error) {
    signal.throwIfAborted();
    throw asDiskError(error);
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}

async function writeImage(content: string, imageFile: string, signal: AbortSignal): Promise<void> {
  // Long names in both of the ways that guests understand: Rock Ridge and Joliet.
  const form = ['-volid', LABEL, '-joliet', '-rational-rock', '-file-mode', FILE_MODE];
  const args = ['-as', 'mkisofs', '-quiet', ...form, '-output', imageFile, content];
  const { exitCode, stderr } = await runDiskTool('xorriso', args, signal);
  if (exitCode === 0) return;
  const { bavail, bsize } = await statfs(content);
  if (bavail * bsize < NEEDED_BYTES) throw new EdgebootError('DISK_FULL', 'the seed for cloud-init cannot be written');
  throw new Error(`xorriso cannot make a seed: ${stderr.trim().slice(-1000)}`);
}
