/** Builds the appliance: a Linux kernel, and an initramfs of busybox, some modules and one script. */
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { findKernel } from './find-kernel.ts';

export const INIT_SCRIPT = new URL('./guest/init.sh', import.meta.url);

/**
 * @param directory empty; afterwards it also holds what the build needed on the way.
 * @param packageCacheDirectory for the kernel's package, where the host has no kernel that fits.
 * @returns the two files.
 * @throws EdgebootError PREREQUISITE_MISSING.
 */
export async function buildAppliance(
  directory: string,
  packageCacheDirectory: string,
): Promise<{ readonly kernelFile: string; readonly initramfsFile: string }> {
  const busybox = await findStaticBusybox();
  const root = join(directory, 'root');
  for (const folder of ['bin', 'dev', 'proc', 'guest', 'modules']) await mkdir(join(root, folder), { recursive: true });
  const modules = join(root, 'modules');
  const kernel = await findKernel({
    modules,
    package: join(directory, 'package'),
    packageCache: packageCacheDirectory,
  });
  await writeFile(join(modules, 'order'), kernel.modules.map((name) => `${name}\n`).join(''));
  await copyFile(busybox, join(root, 'bin/busybox'));
  await copyFile(INIT_SCRIPT, join(root, 'init'));
  for (const program of ['bin/busybox', 'init']) await chmod(join(root, program), 0o755);
  const names = await readdir(root, { recursive: true });
  const initramfsFile = join(directory, 'initramfs');
  // Not compressed: to unpack it would take the VM longer than to read it.
  await runCommandOrThrow(busybox, ['cpio', '-o', '-H', 'newc', '-R', '0:0', '-F', initramfsFile], {
    input: `${names.sort().join('\n')}\n`,
    workingDirectory: root,
  });
  return { kernelFile: kernel.kernelFile, initramfsFile };
}

async function findStaticBusybox(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, 'busybox');
    if (folder !== '' && (await isStaticProgram(file))) return file;
  }
  throw new EdgebootError('PREREQUISITE_MISSING', 'there is no busybox here that needs no libraries', {
    remedy: 'Install busybox-static.',
  });
}

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const PROGRAM_INTERPRETER = 3;

/** One that names no dynamic loader: elf(5), 64-bit. */
async function isStaticProgram(file: string): Promise<boolean> {
  const program = await readFile(file).catch(() => Buffer.alloc(0));
  if (program.length < 64 || !program.subarray(0, 4).equals(ELF_MAGIC)) return false;
  const [offset, size, count] = [
    Number(program.readBigUInt64LE(32)),
    program.readUInt16LE(54),
    program.readUInt16LE(56),
  ];
  if (offset + size * count > program.length) return false;
  const types = Array.from({ length: count }, (_, i) => program.readUInt32LE(offset + i * size));
  return !types.includes(PROGRAM_INTERPRETER);
}
