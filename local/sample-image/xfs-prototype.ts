/** The prototype file of mkfs.xfs: a folder's whole content, so that a file system can be filled without being mounted. */
import type { Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;

/**
 * Only files, folders and links; hard links become copies. The sticky bit has no letter in a prototype.
 * Throws Error for a name that a prototype cannot hold.
 */
export async function describeTree(root: string): Promise<string> {
  const lines = ['/dev/null', '0 0'];
  await describeFolder(root, '', lines);
  return `${lines.join('\n')}\n`;
}

async function describeFolder(folder: string, name: string, lines: string[]): Promise<void> {
  lines.push(`${name} ${describeMode('d', await lstat(folder))}`.trimStart());
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = join(folder, entry.name);
    if (/\s/.test(file) || entry.name.startsWith(':')) throw new Error(`a prototype cannot hold ${file}`);
    if (entry.isDirectory()) await describeFolder(file, entry.name, lines);
    else if (entry.isFile()) lines.push(`${entry.name} ${describeMode('-', await lstat(file))} ${file}`);
    else if (entry.isSymbolicLink()) {
      lines.push(`${entry.name} ${describeMode('l', await lstat(file))} ${await readlink(file)}`);
    }
  }
  lines.push('$');
}

function describeMode(kind: 'd' | '-' | 'l', { mode, uid, gid }: Stats): string {
  const user = (mode & SET_USER_ID) === 0 ? '-' : 'u';
  const group = (mode & SET_GROUP_ID) === 0 ? '-' : 'g';
  return `${kind}${user}${group}${(mode & 0o777).toString(8).padStart(3, '0')} ${uid} ${gid}`;
}
