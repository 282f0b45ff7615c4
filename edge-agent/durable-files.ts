/** Files that survive a loss of power: complete under their name, or not there. All throw DISK_FULL where there is no space. */
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asDiskError } from './disk-errors.ts';

const UNFINISHED = '.new';

/** Replaces `file` in one step. Two who do so at once do not meet: the last one wins. @param sync false where it need not survive the machine */
export async function replaceFile(
  file: string,
  content: Buffer,
  mode = 0o644,
  { sync = true }: { readonly sync?: boolean } = {},
): Promise<void> {
  const temporary = `${file}.${randomUUID()}${UNFINISHED}`;
  try {
    await using handle = await open(temporary, 'wx', mode);
    await handle.writeFile(content);
    if (sync) await handle.datasync();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asDiskError(error);
  }
}

/** Removes what interrupted runs were just writing in a folder: of all files, or of the one of this name. Nobody may be writing it. */
export async function clearUnfinished(folder: string, name?: string): Promise<void> {
  const isMeant = (one: string): boolean => name === undefined || one.startsWith(`${name}.`);
  const unfinished = (await readdir(folder)).filter((one) => one.endsWith(UNFINISHED) && isMeant(one));
  for (const one of unfinished) await rm(join(folder, one), { force: true });
}

/** As one that `replaceFile` wrote. Nobody may be writing it. Nothing there is fine. */
export async function removeFile(file: string): Promise<void> {
  await clearUnfinished(dirname(file), basename(file));
  await rm(file, { force: true });
  await syncFolderOf(file);
}

/** Makes a folder, and those above it. The mode is what it is in the end, whatever the umask. */
export async function ensureDirectory(directory: string, mode: number): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await chmod(directory, mode);
  } catch (error) {
    throw asDiskError(error);
  }
}

/** Makes the names in the folder of `file` durable. */
export async function syncFolderOf(file: string): Promise<void> {
  await using folder = await open(dirname(file), 'r');
  await folder.sync();
}

/** `undefined` where there is no such file. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** `undefined` where there is no such file. */
export async function statIfThere(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

export function isNotThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
