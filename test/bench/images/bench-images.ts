/**
 * The images of the benchmark and the forms in which they are served, below build/bench. What is missing is built (about twelve
 * minutes for all); what is there is kept.
 */
import path from 'node:path';
import { buildDisk } from './build-disk.ts';
import { buildOnce } from './build-once.ts';
import { changeDisk, type ChangeOptions } from './change-disk.ts';
import { type BenchDisk, buildNative } from './native-image.ts';
import { packCasync, packMembers, packStream, packZstd } from './pack-variants.ts';

const MIB = 1024 * 1024;
/** What the newer versions change. */
export const CHANGES = {
  changedMebibytes: { runBytes: MIB, share: 0.01 },
  changed64KiB: { runBytes: MIB / 16, share: 0.01 },
} as const satisfies Readonly<Record<string, ChangeOptions>>;

export interface BenchImages {
  /** What the servers serve. */
  readonly www: string;
  /** 4 GiB, and 100 GB that hold little more. */
  readonly normal: BenchDisk;
  readonly large: BenchDisk;
  /** Newer versions of the normal disk, by what was changed. */
  readonly changedMebibytes: BenchDisk;
  readonly changed64KiB: BenchDisk;
}

export async function prepareImages(directory: string): Promise<BenchImages> {
  const disk = (name: string): string => path.join(directory, 'disks', `${name}.raw`);
  const [normal, large, mebibytes, small] = [disk('normal'), disk('large'), disk('changed-1m'), disk('changed-64k')];
  await buildOnce(normal, (file) => buildDisk(file, { sizeBytes: 4096 * MIB, dataBytes: 1_800_000_000 }));
  await buildOnce(large, (file) => buildDisk(file, { sizeBytes: 95_367 * MIB, dataBytes: 3_000_000_000 }));
  await buildOnce(mebibytes, (file) => changeDisk(normal, file, CHANGES.changedMebibytes));
  await buildOnce(small, (file) => changeDisk(normal, file, CHANGES.changed64KiB));

  const www = path.join(directory, 'www');
  const served = (name: string): string => path.join(www, name);
  const config = path.join(directory, 'config');
  await buildOnce(served('members'), (folder) => packMembers(folder, normal, config));
  await buildOnce(served('stream'), (folder) => packStream(folder, normal));
  await buildOnce(served('zstd'), (folder) => packZstd(folder, normal));
  await buildOnce(served('casync'), (folder) => packCasync(folder, normal));
  const [normalDisk, changedMebibytes, changed64KiB] = await buildNative(
    served('native'),
    [{ frontend: normal }, { frontend: mebibytes }, { frontend: small }],
    config,
  );
  const [largeDisk] = await buildNative(served('native-large'), [{ frontend: large }], config);
  return { www, normal: normalDisk, changedMebibytes, changed64KiB, large: largeDisk };
}
