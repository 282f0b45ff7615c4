/** Disks packed in our own format, built once, and what is known of them. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { openSignedManifest, PUBLISHER_KEY_NAME } from '#shared/image/signed-manifest.ts';
import { buildOnce } from './build-once.ts';
import { packNative, type PackedDisks } from './pack-variants.ts';
import { countNonZeroBytes } from './scan-disk.ts';

export interface BenchDisk {
  readonly file: string;
  readonly sizeBytes: number;
  /** In blocks of 4 KiB. */
  readonly nonZeroBytes: number;
  /** Path of the manifest below the folder that is served. */
  readonly manifest: string;
  /** Of the parts and the index. */
  readonly storedBytes: number;
}

/** Of each version, in order; beside the repository's own files. */
const MANIFESTS = 'manifests.json';
const manifestsSchema = z.array(z.string());
const nonZeroSchema = z.int().positive();

/** @param repository where it is made @param configDirectory holds the publisher's key */
export async function buildNative<const Versions extends readonly PackedDisks[]>(
  repository: string,
  versions: Versions,
  configDirectory: string,
): Promise<{ [Version in keyof Versions]: BenchDisk }> {
  await buildOnce(repository, async (folder) => {
    const manifests = await packNative(folder, versions, configDirectory);
    await writeFile(path.join(folder, MANIFESTS), JSON.stringify(manifests));
  });
  const manifests = await readManifests(repository);
  const described = versions.map(({ frontend }, i) => describe(frontend, repository, manifests[i] ?? ''));
  return (await Promise.all(described)) as { [Version in keyof Versions]: BenchDisk };
}

/** Paths below the repository, one for each version. */
export const readManifests = async (repository: string): Promise<readonly string[]> =>
  manifestsSchema.parse(await readJson(path.join(repository, MANIFESTS)));

/** Of the frontend's disk. */
async function describe(file: string, repository: string, manifest: string): Promise<BenchDisk> {
  const counted = `${file}.non-zero-bytes`;
  await buildOnce(counted, async (unfinished) => writeFile(unfinished, String(await countNonZeroBytes(file))));
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
  };
}

const readJson = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
