/** What the experiment fetches, below build/bench/www/experiment: built once. The same folder can be put on a real distribution. */
import { mkdir, readdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { buildSampleImage } from '../../../local/sample-image/build-sample-image.ts';
import { buildDisk } from '../images/build-disk.ts';
import { buildOnce } from '../images/build-once.ts';
import { buildNative } from '../images/native-image.ts';
import {
  DEMO_OBJECT,
  DEMO_REPOSITORY,
  IMAGE_REPOSITORY,
  LONG_BYTES,
  LONG_OBJECT,
  SHORT_BYTES,
  SHORT_OBJECT,
} from './experiment-paths.ts';

const MIB = 1024 * 1024;

/** @returns the folder that is served. */
export async function prepareExperiment(directory: string): Promise<string> {
  const disks = path.join(directory, 'disks');
  const disk = path.join(disks, 'experiment.raw');
  await buildOnce(disk, (file) => buildDisk(file, { sizeBytes: 2048 * MIB, dataBytes: 700_000_000 }));
  const sample = path.join(disks, 'sample');
  await buildOnce(sample, async (unfinished) => {
    const cacheDirectory = path.resolve('build/debian-packages');
    await buildSampleImage({ directory: unfinished, cacheDirectory, log: () => undefined });
  });
  const www = path.join(directory, 'www/experiment');
  const config = path.join(directory, 'config');
  await mkdir(www, { recursive: true });
  await buildNative(path.join(www, IMAGE_REPOSITORY), [{ frontend: disk }], config);
  const demo = { frontend: path.join(sample, 'frontend.raw'), compute: path.join(sample, 'compute.raw') };
  await buildNative(path.join(www, DEMO_REPOSITORY), [demo], config);
  for (const [name, lengthBytes] of [
    [LONG_OBJECT, LONG_BYTES],
    [SHORT_OBJECT, SHORT_BYTES],
    [DEMO_OBJECT, await folderBytes(path.join(www, DEMO_REPOSITORY))],
  ] as const) {
    await buildOnce(path.join(www, name), (unfinished) => compressHead(disk, unfinished, lengthBytes));
  }
  return www;
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(path.join(folder, name))));
  return stats.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

/** The first bytes of the compressed disk. */
async function compressHead(disk: string, file: string, lengthBytes: number): Promise<void> {
  await runCommandOrThrow('zstd', ['-q', '-3', '-T0', '-o', file, disk]);
  await truncate(file, lengthBytes);
}
