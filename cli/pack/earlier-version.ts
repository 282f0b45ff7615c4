/** What a repository has under a name already: a further version goes on where it stands. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '#shared/errors.ts';
import { imageObjectKey, type Manifest } from '#shared/image/manifest.ts';
import { openSignedManifest } from '#shared/image/signed-manifest.ts';
import { readIndexFile } from './index-file.ts';

export interface EarlierVersion {
  readonly imageId: string;
  readonly version: number;
}

/** `undefined` where there is none; `'of another publisher'` where the signature is not by this key. */
export async function findEarlierVersion(
  directory: string,
  imageName: string,
  publicKeyPem: string,
): Promise<EarlierVersion | 'of another publisher' | undefined> {
  const entry = (await readIndexFile(directory)).find(({ name, kind }) => name === imageName && kind === 'manifest');
  const envelope = entry && (await readFile(path.join(directory, entry.path)).catch(() => undefined));
  if (entry === undefined || envelope === undefined) return undefined;
  let manifest: Manifest;
  try {
    manifest = openSignedManifest(envelope, publicKeyPem);
  } catch (error) {
    if (hasCode(error, 'MANIFEST_UNTRUSTED')) return 'of another publisher';
    throw error;
  }
  // A manifest that was moved says nothing of the folder that it lies in.
  const { imageId, version } = manifest;
  const isAtHome = entry.path === imageObjectKey(imageId, 'manifests', path.basename(entry.path, '.json'));
  return isAtHome ? { imageId, version } : undefined;
}
