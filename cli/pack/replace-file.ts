/** A file that is whole under its name, or not there. */
import { open, rename, rm } from 'node:fs/promises';
import { EdgebootError, messageOf } from '#shared/errors.ts';

/** Throws DISK_FULL where there is no room; USAGE where the directory cannot be written. */
export async function replaceFile(file: string, content: Buffer | string): Promise<void> {
  const unfinished = `${file}.${process.pid}.new`;
  try {
    await using handle = await open(unfinished, 'w');
    await handle.writeFile(content);
    await handle.datasync();
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw asWriteError(error);
  }
}

/** The place that was named is not there, or not for us. */
const UNUSABLE = new Set(['EACCES', 'EISDIR', 'ENOENT', 'ENOTDIR', 'EPERM', 'EROFS']);

/** Of the file system, in the project's words; anything else as it is. */
export function asWriteError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EdgebootError('DISK_FULL', messageOf(error), { remedy: 'Make room, then try again.', cause: error });
  }
  if (typeof code === 'string' && UNUSABLE.has(code))
    return new EdgebootError('USAGE', messageOf(error), { cause: error });
  return error;
}
