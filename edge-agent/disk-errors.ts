/** Errors of the file system, in the project's words. */
import { EdgebootError } from '#shared/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** DISK_FULL where the file system says so; anything else as it is. */
export function asDiskError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !FULL.has(code)) return error;
  return new EdgebootError('DISK_FULL', `There is no space left on the disk (${code}).`, { cause: error });
}

/** What programs say of the same two errors, in the C locale. */
const FULL_TEXT = /No space left on device|Disk quota exceeded/;

/** DISK_FULL where a program's words say so, `undefined` otherwise. */
export function diskFullIn(said: string, doing: string): EdgebootError | undefined {
  const found = FULL_TEXT.exec(said);
  return found === null ? undefined : new EdgebootError('DISK_FULL', `${doing}: ${found[0]}`);
}
