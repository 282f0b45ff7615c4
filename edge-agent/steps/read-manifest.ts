/** The signed manifest of an image version, from the edge or from an earlier time. */
import { hash } from 'node:crypto';
import path from 'node:path';
import type { ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { imageObjectKey, type Manifest } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES, verifySignedManifest } from '#shared/image/signed-manifest.ts';
import { readIfThere, replaceFile } from '../durable-files.ts';
import type { PartSource } from '../ports.ts';
import { fetchVerified } from '../transfer/fetch-verified.ts';

export interface ManifestPorts {
  /** Verified manifests are kept here; unless given, none is looked for or left. */
  readonly manifestDirectory: string | undefined;
  readonly rootPublicKeyPem: string;
}

/**
 * Verified each time it is read: its digest, its publisher's signature, and that it is the one asked for. Throws MANIFEST_UNTRUSTED,
 * PART_CORRUPT, and what the source throws.
 */
export async function readManifest(
  { imageId, manifestSha256, publisherCertificate, imageName, version }: ImageVersion,
  source: PartSource,
  signal: AbortSignal,
  { manifestDirectory, rootPublicKeyPem }: ManifestPorts,
): Promise<Manifest> {
  const file = manifestDirectory && path.join(manifestDirectory, `${manifestSha256}.json`);
  const kept = file && (await readIfThere(file));
  const whole = kept && hash('sha256', kept) === manifestSha256 ? kept : undefined;
  const key = imageObjectKey(imageId, 'manifests', manifestSha256);
  const request = { path: key, sizeBytes: undefined, maxBytes: MAX_SIGNED_MANIFEST_BYTES };
  const bytes = whole ?? (await fetchVerified(source, request, manifestSha256, signal)).bytes;
  const manifest = verifySignedManifest(bytes, {
    rootPublicKeyPem,
    certificate: Buffer.from(publisherCertificate),
    now: new Date(),
  });
  if (manifest.imageId !== imageId || manifest.imageName !== imageName || manifest.version !== version) {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `the manifest is not that of ${imageName}@${version}`);
  }
  if (file && whole === undefined) await replaceFile(file, bytes, 0o600);
  return manifest;
}
