/** Files that survive a loss of power: complete under their name, or not there. */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces `file` in one step. */
export async function replaceFile(file: string, content: Buffer, mode = 0o644): Promise<void> {
  const temporary = `${file}.new`;
  await using handle = await open(temporary, 'w', mode);
  await handle.writeFile(content);
  await handle.datasync();
  await rename(temporary, file);
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
