/** A disk of an image in the project's own format, fetched into a file of the caller's, outside of any cache. */
import { stat } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { imageFolder, type Manifest } from '#shared/image/manifest.ts';
import {
  MAX_PUBLISHER_KEY_BYTES,
  MAX_SIGNED_MANIFEST_BYTES,
  openSignedManifest,
  PUBLISHER_KEY_NAME,
} from '#shared/image/signed-manifest.ts';
import { openImageAt, withinImage } from '../base-image/open-image-at.ts';
import { fetchVerified } from '../transfer/fetch-verified.ts';
import type { PartSource } from '../ports.ts';
import type { DiskRequest, FetchedToFile, PlannedFetch } from './ports.ts';
import { planNativeDisk } from './plan-native-disk.ts';
import type { NamedSource } from './source.ts';

/** Throws MANIFEST_UNTRUSTED, NOT_FOUND (no such disk), IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, and what the source throws. */
export async function fetchNativeDisk(
  named: NonNullable<NamedSource['manifest']>,
  path: string,
  source: PartSource,
  request: DiskRequest,
): Promise<FetchedToFile | PlannedFetch> {
  const { node, output, signal } = request;
  const manifest = await readManifest(named, path, source, request);
  const disk = manifest.disks[node];
  if (disk === undefined) {
    throw new EdgebootError('NOT_FOUND', `${manifest.imageName} has no disk for computes`, {
      remedy: 'Ask for the frontend: --node frontend',
    });
  }
  const { imageId, imageName, version } = manifest;
  const image = `${imageName}@${version}`;
  if (request.dryRun) {
    const wouldFetchBytes = await planNativeDisk(disk, withinImage(source, imageId), request.reuse, signal);
    return { image, digest: disk.index.sha256, sizeBytes: disk.sizeBytes, wouldFetchBytes };
  }
  // Named by the disk's digest: what another image left here is not taken for a part of this one.
  const partialFile = `${output}.${disk.index.sha256.slice(0, 16)}.partial`;
  await using opened = await openImageAt({ ...request, file: output, partialFile, disk, imageId, source });
  const transfer = await opened.image.fetchAll(request);
  const read = (offsetBytes: number, lengthBytes: number) => opened.image.read(offsetBytes, lengthBytes, signal);
  requireCompliant(await inspectDisk(read, disk.sizeBytes));
  const { blocks } = await stat(output);
  return {
    image,
    digest: disk.index.sha256,
    sizeBytes: disk.sizeBytes,
    allocatedBytes: blocks * 512,
    transfer,
  };
}

/** The address names the manifest's digest; its signature must be by the key that was given, else by the one beside it. */
async function readManifest(
  { imageId, sha256 }: NonNullable<NamedSource['manifest']>,
  path: string,
  source: PartSource,
  { publicKeyPem, onNotice, signal }: DiskRequest,
): Promise<Manifest> {
  const request = { path, sizeBytes: undefined, maxBytes: MAX_SIGNED_MANIFEST_BYTES };
  const keyPath = `${imageFolder(imageId)}/${PUBLISHER_KEY_NAME}`;
  const keyRequest = { path: keyPath, sizeBytes: undefined, maxBytes: MAX_PUBLISHER_KEY_BYTES };
  // Side by side: from afar each takes its time.
  const [{ bytes }, key] = await Promise.all([
    fetchVerified(source, request, sha256, signal),
    publicKeyPem ?? source.fetch(keyRequest, signal).then((fetched) => fetched.bytes.toString()),
  ]);
  const manifest = openSignedManifest(bytes, key);
  if (publicKeyPem === undefined) onNotice('signed with the key that lies beside it; --publisher-key FILE names one');
  if (manifest.imageId === imageId) return manifest;
  throw new EdgebootError('MANIFEST_UNTRUSTED', 'the manifest is that of another image');
}
