/** Errors of the file system, as a repository tells them. */
import { EdgebootError, type ErrorCode } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  EACCES: 'FORBIDDEN',
  EPERM: 'FORBIDDEN',
  ELOOP: 'FORBIDDEN',
};

/** Throws NOT_FOUND, FORBIDDEN, PART_UNAVAILABLE for what the file system says in `work`. @param what the file or directory */
export async function withFileErrors<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (error instanceof EdgebootError || typeof code !== 'string') throw error;
    const text = `${boundedText(what)} cannot be read (${code})`;
    throw new EdgebootError(CODES[code] ?? 'PART_UNAVAILABLE', text, {
      remedy: 'Look at the directory of the repository: is the file there, and may the agent read it?',
    });
  }
}
