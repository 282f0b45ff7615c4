/** A repository in a directory of this site. Its files belong to others: links that lead out, pipes and devices are refused. */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgebootError } from '#shared/errors.ts';
import { badName, requireRepositoryPath } from '../core/repository-path.ts';
import type { FetchedObject, ObjectRequest } from '../ports.ts';
import { withFileErrors } from './file-errors.ts';
import { readRange } from './read-range.ts';
import type { RepositoryFiles, RepositoryKind } from './repository.ts';

/** Opening a pipe without O_NONBLOCK waits for its writer. */
const SAFE_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

export const localRepository: RepositoryKind = {
  accepts: (address) => isAbsolute(address) || /^file:/i.test(address),

  async open(address): Promise<RepositoryFiles> {
    const named = isAbsolute(address) ? resolve(address) : directoryOf(address);
    const root = await withFileErrors(address, () => realpath(named));
    if (!(await stat(root)).isDirectory()) throw new EdgebootError('NOT_FOUND', `${address} is no directory`);
    return {
      fetch: (request, signal) => withFileErrors(request.path, () => fetchFile(root, request, signal)),
      resolve: (path) => withFileErrors(path, () => resolvePath(path, named, root)),
      close: () => Promise.resolve(),
    };
  },
};

function directoryOf(address: string): string {
  try {
    return resolve(fileURLToPath(address));
  } catch (cause) {
    throw new EdgebootError('INVALID_CONFIG', `${address} names no directory of this host`, { cause });
  }
}

async function fetchFile(root: string, request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> {
  signal.throwIfAborted();
  await using handle = await openInside(root, requireRepositoryPath(request.path));
  return await readRange(handle, request, signal);
}

/** A regular file that truly lies below the root, whatever happens to the directory meanwhile. */
async function openInside(root: string, path: string): Promise<FileHandle> {
  const real = await realpath(join(root, path));
  requireInside(root, real, path);
  // Before it is opened: with a device, that alone may do something.
  if (!(await stat(real)).isFile()) throw notRegular(path);
  const handle = await open(real, SAFE_FLAGS);
  try {
    if (!(await handle.stat()).isFile()) throw notRegular(path);
    requireInside(root, await readlink(`/proc/self/fd/${handle.fd}`), path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** An absolute path may name the root as the operator did, or by its real place, or by a link elsewhere that leads into it. */
async function resolvePath(path: string, named: string, root: string): Promise<string> {
  if (!isAbsolute(path)) return requireRepositoryPath(path);
  for (const start of [named, root]) {
    if (path.startsWith(`${start}/`)) return requireRepositoryPath(path.slice(start.length + 1));
  }
  const real = await realpath(`/${requireRepositoryPath(path.slice(1))}`);
  requireInside(root, real, path);
  return requireRepositoryPath(relative(root, real));
}

function requireInside(root: string, real: string, path: string): void {
  if (!real.startsWith(root === '/' ? root : `${root}/`))
    throw badName(path, 'leads out of the repository', 'FORBIDDEN');
}

const notRegular = (path: string): EdgebootError => badName(path, 'is no regular file', 'FORBIDDEN');
