/** Where the cache's ports meet their adapters. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { openFileJournal } from '../adapters/file-journal.ts';
import { holdLock, tryHoldLock } from '../adapters/host-lock.ts';
import { findOpenInodes } from '../adapters/open-inodes.ts';
import type { AgentConfig } from '../config.ts';
import { ensureDirectory } from '../durable-files.ts';
import { ImageCache } from './image-cache.ts';
import { needsOf } from './needs.ts';

/** Below the state directory; the hypervisor's user must be able to pass through. */
const PASSABLE = 0o711;

/** Throws DISK_FULL. */
export async function composeImageCache({
  stateDirectory,
  cache: limits,
}: Pick<AgentConfig, 'stateDirectory' | 'cache'>): Promise<ImageCache> {
  const directory = path.join(stateDirectory, 'cache');
  for (const folder of [stateDirectory, directory]) await ensureDirectory(folder, PASSABLE);
  const journal = await openFileJournal(stateDirectory);
  return new ImageCache({
    directory: await realpath(directory),
    limits,
    ...{ holdLock, tryHoldLock, openInodes: findOpenInodes },
    needs: async () => needsOf(await journal.list()),
  });
}
