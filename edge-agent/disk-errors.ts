/** Errors of the file system, in the project's words. */
import { EdgebootError } from '#shared/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** DISK_FULL where the file system says so; anything else as it is. */
export function asDiskError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !FULL.has(code)) return error;
  return new EdgebootError('DISK_FULL', `There is no space left for the image (${code}).`, { cause: error });
}
