/** Real data for the images: the machine's own files, the same ones in every run on the same machine. */
import { hash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface ChosenFile {
  readonly file: string;
  readonly sizeBytes: number;
}

const BLOCK_BYTES = 4096;
/** One huge file would make the image as compressible as itself. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Files below `folders` until they fill `wantedBytes` on a file system, or all there are. Taken in the order of their paths' digests,
 * which mixes all kinds; a content is taken once.
 */
export async function chooseFiles(folders: readonly string[], wantedBytes: number): Promise<readonly ChosenFile[]> {
  const files = (await Promise.all(folders.map(listFiles))).flat();
  const inOrder = files.map((file) => ({ file, key: hash('sha256', file) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const chosen: ChosenFile[] = [];
  const contents = new Set<string>();
  let filledBytes = 0;
  for (const { file } of inOrder) {
    if (filledBytes >= wantedBytes) break;
    const { size } = await lstat(file);
    if (size === 0 || size > MAX_FILE_BYTES) continue;
    const digest = hash('sha256', await readFile(file));
    if (contents.has(digest)) continue;
    contents.add(digest);
    chosen.push({ file, sizeBytes: size });
    filledBytes += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return chosen;
}

/** Regular files; links are not followed. */
async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}
