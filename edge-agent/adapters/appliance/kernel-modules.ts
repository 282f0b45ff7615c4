/** The modules of a Linux kernel that the appliance loads, with what each depends on. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { runCommandOrThrow } from '#shared/host/run-command.ts';

/** What finds the disks, and reads them. */
const NEEDED = ['virtio_pci', 'virtio_blk', 'xfs'];
/** Asked for by xfs by another name than its own; some kernels have it built in. */
const USEFUL = ['crc32c_generic'];
const MODULE_FILE = /\.ko(?:\.(?:xz|zst|gz))?$/;

/**
 * Lays the modules into a folder as `NAME.ko`, uncompressed.
 * @param modulesDirectory of one kernel: `/lib/modules/RELEASE`.
 * @returns the names of the files, in the order in which they must be loaded.
 * @throws Error where this kernel lacks one.
 */
export async function layOutModules(modulesDirectory: string, into: string): Promise<string[]> {
  const files = await listModules(modulesDirectory);
  const builtIn = new Set((await readLines(join(modulesDirectory, 'modules.builtin'))).map(moduleName));
  const order: string[] = [];
  const add = async (name: string, needed: boolean): Promise<void> => {
    if (builtIn.has(name) || order.includes(`${name}.ko`)) return;
    const file = files.get(name);
    if (file === undefined) {
      if (needed) throw new Error(`${modulesDirectory} has no module ${name}`);
      return;
    }
    const content = await readModule(file, into);
    for (const dependency of dependenciesOf(content)) await add(dependency, true);
    await writeFile(join(into, `${name}.ko`), content);
    order.push(`${name}.ko`);
  };
  for (const name of USEFUL) await add(name, false);
  for (const name of NEEDED) await add(name, true);
  return order;
}

async function listModules(modulesDirectory: string): Promise<Map<string, string>> {
  const names = await readdir(join(modulesDirectory, 'kernel'), { recursive: true });
  const files = names.filter((name) => MODULE_FILE.test(name));
  return new Map(files.map((name) => [moduleName(name), join(modulesDirectory, 'kernel', name)]));
}

/** The kernel takes `-` and `_` for the same. */
function moduleName(file: string): string {
  return basename(file.trim()).replace(MODULE_FILE, '').replaceAll('-', '_');
}

/** Its section `.modinfo` is a row of `key=value`, each ended by a zero byte: kernel, include/linux/module.h. */
function dependenciesOf(module: Buffer): string[] {
  const [, names = ''] = /\0depends=([a-zA-Z0-9_,-]*)\0/.exec(module.toString('latin1')) ?? [];
  return names
    .split(',')
    .filter((name) => name !== '')
    .map(moduleName);
}

async function readModule(file: string, workDirectory: string): Promise<Buffer> {
  const content = await readFile(file);
  if (file.endsWith('.zst')) return promisify(zstdDecompress)(content);
  if (file.endsWith('.gz')) return promisify(gunzip)(content);
  if (!file.endsWith('.xz')) return content;
  const unpacked = join(workDirectory, 'unpacked');
  await writeFile(`${unpacked}.xz`, content);
  await runCommandOrThrow('busybox', ['unxz', `${unpacked}.xz`]);
  try {
    return await readFile(unpacked);
  } finally {
    await rm(unpacked);
  }
}

async function readLines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
}
