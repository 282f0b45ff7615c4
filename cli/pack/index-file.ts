/** The index of a repository, `vcdb.txt` (formats, section 3): read, and one entry of it replaced. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseVcdb, VCDB_NAME, type VcdbEntry, writeVcdb } from '#shared/vc-xml/vcdb.ts';
import { replaceFile } from './replace-file.ts';

/** Empty where there is none. Throws IMAGE_NOT_COMPLIANT where it is damaged. */
export async function readIndexFile(directory: string): Promise<readonly VcdbEntry[]> {
  try {
    return parseVcdb(await readFile(path.join(directory, VCDB_NAME)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** In its place, or at the end. The index is written last: what it names is there. */
export async function putEntry(directory: string, entry: Pick<VcdbEntry, 'name' | 'path'>): Promise<void> {
  const entries: Pick<VcdbEntry, 'name' | 'path'>[] = [...(await readIndexFile(directory))];
  const at = entries.findIndex(({ name }) => name === entry.name);
  entries.splice(at === -1 ? entries.length : at, at === -1 ? 0 : 1, entry);
  await replaceFile(path.join(directory, VCDB_NAME), writeVcdb(entries));
}
