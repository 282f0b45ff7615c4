/** What lies in the cache, as the file system tells it: read anew each time, right after whatever interruption. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SHA256 } from '#shared/names.ts';
import { statIfThere } from '../durable-files.ts';
import { BaseFolder, type ImageLabel } from './base-folder.ts';

export interface StoredBase {
  /** The digest that its folder is named by: of the frame index; of older kinds, of all that the disk is made of. */
  readonly base: string;
  readonly images: readonly ImageLabel[];
  /** `absent`: neither whole nor in part, though its folder is there. */
  readonly state: 'complete' | 'partial' | 'absent';
  /** Apparent size of the disk; 0 where it is absent. */
  readonly sizeBytes: number;
  /** Of all that lies in its folder. */
  readonly allocatedBytes: number;
  /** What it is expected to take when it is complete; unknown before its transfer has begun. */
  readonly expectedBytes: number | undefined;
  readonly lastUsedAt: Date;
  readonly isPinned: boolean;
  readonly isDamaged: boolean;
  /** Of its disk and partial disk. */
  readonly inodes: readonly InodeName[];
}

/** Names a file on this host, whatever its paths are. */
export type InodeName = `${number}:${number}`;
export const inodeName = ({ dev, ino }: { dev: number; ino: number }): InodeName => `${dev}:${ino}`;

const BLOCK_BYTES = 512;

export async function readStoredBases(cacheDirectory: string): Promise<StoredBase[]> {
  const entries = await readdir(cacheDirectory, { withFileTypes: true });
  const bases = entries.filter((entry) => entry.isDirectory() && SHA256.safeParse(entry.name).success);
  const stored = await Promise.all(bases.map(({ name }) => readStoredBase(cacheDirectory, name)));
  return stored.filter((one) => one !== undefined);
}

/** `undefined` where it was removed meanwhile. */
async function readStoredBase(cacheDirectory: string, base: string): Promise<StoredBase | undefined> {
  const folder = new BaseFolder(join(cacheDirectory, base));
  const [itself, names] = [await statIfThere(folder.path), await readdir(folder.path).catch(() => [])];
  if (itself === undefined) return undefined;
  const files = await Promise.all(names.map((name) => statIfThere(join(folder.path, name))));
  const [complete, partial, stamp] = await Promise.all([folder.disk, folder.partial, folder.stamp].map(statIfThere));
  const disk = complete ?? partial;
  const { images, expectedBytes } = await folder.readAbout();
  return {
    ...{ base, images, expectedBytes },
    state: complete !== undefined ? 'complete' : partial !== undefined ? 'partial' : 'absent',
    sizeBytes: disk?.size ?? 0,
    allocatedBytes: files.reduce((sum, file) => sum + (file?.blocks ?? 0) * BLOCK_BYTES, 0),
    lastUsedAt: (stamp ?? disk ?? itself).mtime,
    isPinned: (await statIfThere(folder.markFile('pinned'))) !== undefined,
    isDamaged: (await statIfThere(folder.markFile('damaged'))) !== undefined,
    inodes: [complete, partial].filter((file) => file !== undefined).map(inodeName),
  };
}
