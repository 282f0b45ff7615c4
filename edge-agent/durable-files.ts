/** Files that survive a loss of power: complete under their name, or not there. All throw DISK_FULL where there is no space. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asDiskError } from './disk-errors.ts';

/** Replaces `file` in one step. Two who do so at once do not meet: the last one wins. @param sync false where it need not survive the machine */
export async function replaceFile(
  file: string,
  content: Buffer,
  mode = 0o644,
  { sync = true }: { readonly sync?: boolean } = {},
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.new`;
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

export function isNotThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
