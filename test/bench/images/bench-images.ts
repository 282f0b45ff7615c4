/**
 * The images of the benchmark and the forms in which they are served, below build/bench. What is missing is built (about twenty
 * minutes for all); what is there is kept.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { openSignedManifest, PUBLISHER_KEY_NAME } from '#shared/image/signed-manifest.ts';
import { buildDisk } from './build-disk.ts';
import { buildOnce } from './build-once.ts';
import { changeDisk } from './change-disk.ts';
import { packCasync, packMembers, packNative, packStream, packZstd } from './pack-variants.ts';
import { countNonZeroBytes } from './scan-disk.ts';

const MIB = 1024 * 1024;
const CHANGED_SHARE = 0.01;
/** Beside a native repository: the manifest of each version, in order. */
const MANIFESTS = 'manifests.json';

export interface BenchDisk {
  readonly file: string;
  readonly sizeBytes: number;
  /** In blocks of 4 KiB. */
  readonly nonZeroBytes: number;
  /** Path of the manifest below the folder that is served. */
  readonly manifest: string;
  /** Of the parts and the index. */
  readonly storedBytes: number;
  /** Of a part as it is stored. */
  readonly meanPartBytes: number;
}

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

const manifestsSchema = z.array(z.string());
const nonZeroSchema = z.int().positive();

export async function prepareImages(directory: string): Promise<BenchImages> {
  const disk = (name: string): string => path.join(directory, 'disks', `${name}.raw`);
  const [normal, large, mebibytes, small] = [disk('normal'), disk('large'), disk('changed-1m'), disk('changed-64k')];
  await buildOnce(normal, (file) => buildDisk(file, { sizeBytes: 4096 * MIB, dataBytes: 1_800_000_000 }));
  await buildOnce(large, (file) => buildDisk(file, { sizeBytes: 95_367 * MIB, dataBytes: 3_000_000_000 }));
  await buildOnce(mebibytes, (file) => changeDisk(normal, file, { runBytes: MIB, share: CHANGED_SHARE }));
  await buildOnce(small, (file) => changeDisk(normal, file, { runBytes: MIB / 16, share: CHANGED_SHARE }));

  const www = path.join(directory, 'www');
  const served = (name: string): string => path.join(www, name);
  const config = path.join(directory, 'config');
  const buildNative = (name: string, versions: readonly string[]): Promise<void> =>
    buildOnce(served(name), async (folder) => {
      const manifests = await packNative(folder, versions, config);
      await writeFile(path.join(folder, MANIFESTS), JSON.stringify(manifests));
    });
  await buildNative('native', [normal, mebibytes, small]);
  await buildNative('native-large', [large]);
  await buildOnce(served('members'), (folder) => packMembers(folder, normal, config));
  await buildOnce(served('stream'), (folder) => packStream(folder, normal));
  await buildOnce(served('zstd'), (folder) => packZstd(folder, normal));
  await buildOnce(served('casync'), (folder) => packCasync(folder, normal));
  return {
    www,
    normal: await describe(normal, served('native'), 0),
    changedMebibytes: await describe(mebibytes, served('native'), 1),
    changed64KiB: await describe(small, served('native'), 2),
    large: await describe(large, served('native-large'), 0),
  };
}

async function describe(file: string, repository: string, version: number): Promise<BenchDisk> {
  const counted = `${file}.non-zero-bytes`;
  await buildOnce(counted, async (unfinished) => writeFile(unfinished, String(await countNonZeroBytes(file))));
  const manifests = manifestsSchema.parse(await readJson(path.join(repository, MANIFESTS)));
  const manifest = manifests[version] ?? '';
  const key = path.join(repository, path.dirname(manifest), '..', PUBLISHER_KEY_NAME);
  const envelope = await readFile(path.join(repository, manifest));
  const disk = openSignedManifest(envelope, await readFile(key, 'utf8')).disks.frontend;
  const partBytes = disk.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  return {
    file,
    sizeBytes: disk.sizeBytes,
    nonZeroBytes: nonZeroSchema.parse(await readJson(counted)),
    manifest: `${path.basename(repository)}/${manifest}`,
    storedBytes: partBytes + disk.index.sizeBytes,
    meanPartBytes: partBytes / disk.parts.length,
  };
}

const readJson = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
