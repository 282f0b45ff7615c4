/** The complete native disks of a cache, newest first: where frames of another version may be found. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from '../durable-files.ts';
import type { LocalDisk } from './local-frames.ts';

/** More would cost more than they bring: each index is read. */
const MOST_DISKS = 8;

/** @param except the SHA-256 of the frame index of the disk that is to be filled */
export async function findLocalDisks(cacheDirectory: string, except: string): Promise<LocalDisk[]> {
  const folders = (await readdir(cacheDirectory)).filter((name) => /^[0-9a-f]{64}$/.test(name) && name !== except);
  const found = await Promise.all(
    folders.map(async (folder) => {
      const file = join(cacheDirectory, folder, 'disk.raw');
      const changedAt = await stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      );
      return changedAt === undefined
        ? []
        : [{ file, indexFile: join(cacheDirectory, folder, 'frame-index'), changedAt }];
    }),
  );
  const newest = found.flat().sort((a, b) => b.changedAt - a.changedAt);
  const disks: LocalDisk[] = [];
  for (const { file, indexFile } of newest) {
    const indexBytes = disks.length < MOST_DISKS ? await readIfThere(indexFile) : undefined;
    if (indexBytes !== undefined) disks.push({ file, indexBytes });
  }
  return disks;
}
