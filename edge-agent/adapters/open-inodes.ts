/** Which files the processes of this host have open: told by what the files are, since their names differ where roots and mounts do. */
import { readdir, stat } from 'node:fs/promises';
import { type InodeName, inodeName } from '../cache/stored-bases.ts';

/** Of those processes that we may look into: for root, all that it can see. */
export async function findOpenInodes(): Promise<ReadonlySet<InodeName>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = new Set<InodeName>();
  for (const pid of pids) {
    const folder = `/proc/${pid}/fd`;
    // It may end, or close them, while we look.
    const names = await readdir(folder).catch(() => []);
    const files = await Promise.all(names.map((name) => stat(`${folder}/${name}`).catch(() => undefined)));
    for (const file of files) if (file?.isFile()) found.add(inodeName(file));
  }
  return found;
}
