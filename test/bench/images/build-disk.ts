/** A disk that follows the image standard, filled with files of this machine. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { makeDiskOf } from '../../helpers/compliant-disk.ts';
import { chooseFiles } from './choose-files.ts';

const FOLDERS = ['/usr/bin', '/usr/lib', '/usr/share', path.resolve('node_modules')];

export interface DiskSize {
  /** Apparent size, a multiple of 4096. */
  readonly sizeBytes: number;
  /** Of files, as they lie on the file system. */
  readonly dataBytes: number;
}

export async function buildDisk(file: string, { sizeBytes, dataBytes }: DiskSize): Promise<void> {
  const root = `${file}.root`;
  try {
    await mkdir(path.join(root, 'root'), { recursive: true });
    for (const chosen of await chooseFiles(FOLDERS, dataBytes)) {
      const copy = path.join(root, chosen.file);
      await mkdir(path.dirname(copy), { recursive: true });
      await copyFile(chosen.file, copy);
    }
    await makeDiskOf(root, file, sizeBytes);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
