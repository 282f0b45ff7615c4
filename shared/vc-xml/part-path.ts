/** Paths of files in a repository, from outside: plain, relative, below the folder that they begin in. */

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+=@~-]{0,199}$/;
const MAX_PATH_CHARACTERS = 1024;

/** Neither `..` nor hidden files, no empty segment, nothing that a shell or a URL would take for something else. */
export function isPlainPath(path: string): boolean {
  return path.length <= MAX_PATH_CHARACTERS && path.split('/').every((segment) => SEGMENT.test(segment));
}

/** The folder that a file lies in, with a slash at its end; empty for the repository's root. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

export function lastNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
