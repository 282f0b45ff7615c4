/** One small compliant disk in every kind that `edgeboot-agent fetch` takes, below one directory. */
import { join } from 'node:path';
import { EDGEBOOT, EDGEBOOT_AGENT, type ProgramResult, runProgram } from '../../local/federation/program.ts';
import { makeCompliantDisk } from './compliant-disk.ts';
import { makeVintageRepository } from './vintage-repository.ts';

const MIB = 1024 * 1024;

export interface FetchRepositories {
  readonly directory: string;
  readonly disk: string;
  /** Paths below the directory. */
  readonly sources: Readonly<Record<string, string>>;
}

export async function makeFetchRepositories(folder: string): Promise<FetchRepositories> {
  const disk = join(folder, 'source.raw');
  // Noise all over it: every part, and every piece, has something in it.
  const dataAt = Array.from({ length: 60 }, (_, i) => (2 + i * 2) * MIB + 4099);
  await makeCompliantDisk(disk, 128 * MIB, dataAt);
  const directory = join(folder, 'vc');
  const kinds = await makeVintageRepository(directory, { frontend: disk, compute: disk });
  const native = await packNative(folder, disk, 'native');
  const legacy = Object.fromEntries(kinds.map((name) => [name, `${name}/${name}.xml`]));
  return { directory, disk, sources: { native, ...legacy } };
}

/** @returns the manifest's path below `<folder>/vc`. */
export async function packNative(folder: string, disk: string, name: string): Promise<string> {
  const env = { EDGEBOOT_CONFIG_DIRECTORY: join(folder, 'keys') };
  const args = ['image', 'pack', '--frontend', disk, '--name', name, '--output', join(folder, 'vc')];
  const { exitCode, stdout, stderr } = await runProgram(EDGEBOOT, args, { env });
  const [, path] = stdout.trim().split(',');
  if (exitCode !== 0 || path === undefined) throw new Error(stderr);
  return path;
}

export const runFetch = (...args: string[]): Promise<ProgramResult> => runProgram(EDGEBOOT_AGENT, ['fetch', ...args]);
