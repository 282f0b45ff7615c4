/**
 * Names of files in a repository. They come from an image's description, an index, a manifest: nobody's word is taken for what they
 * are. What passes here means the same in a URL, on a file system and in a log.
 */
import { EdgebootError } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { isPlainPath } from '#shared/vc-xml/part-path.ts';

/** The path itself. Throws INVALID_REQUEST unless it is a plain one below the repository's root. */
export function requireRepositoryPath(path: string): string {
  if (isPlainPath(path)) return path;
  throw badName(path, 'is no name that a file may have');
}

export interface FileUrl {
  /** Scheme, host and port, as a URL has them. */
  readonly origin: string;
  /** Below the host's root. */
  readonly path: string;
}

/** `undefined` for what is no http or https URL. Throws INVALID_REQUEST where it has more than host and path, or no plain one. */
export function parseFileUrl(named: string): FileUrl | undefined {
  if (!/^https?:/i.test(named)) return undefined;
  const [, host, path = ''] = /^(https?:\/\/[A-Za-z0-9.:[\]-]+)\/(.*)$/i.exec(named) ?? [];
  if (host === undefined || !URL.canParse(host)) throw badName(named, 'is no address of a file');
  return { origin: new URL(host).origin, path: requireRepositoryPath(path) };
}

/** What was wrong with the name that somebody gave a file. */
export function badName(named: string, why: string, code: 'INVALID_REQUEST' | 'FORBIDDEN' = 'INVALID_REQUEST') {
  return new EdgebootError(code, `"${boundedText(named.slice(0, 200))}" ${why}`, {
    remedy: 'Correct it where it is named: in vcdb.txt, or in the description of the image.',
  });
}
