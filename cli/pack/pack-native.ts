/** Writes an image in the project's own format into a directory that any web server can serve, or a site can mount. */
import { hash } from 'node:crypto';
import { ulid } from 'ulid';
import { type DiskDescription, imageObjectKey, type Manifest, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { PUBLISHER_KEY_NAME, signManifest } from '#shared/image/signed-manifest.ts';
import type { KeyPair } from '#shared/keys.ts';
import { cutDisk } from '../publish/cut-disk.ts';
import type { OpenedDisk } from '../publish/open-disk.ts';
import type { EarlierVersion } from './earlier-version.ts';
import { ImageObjects } from './image-objects.ts';
import { asWriteError } from './replace-file.ts';

export interface PackRequest {
  readonly imageName: string;
  readonly frontend: OpenedDisk;
  readonly compute: OpenedDisk | undefined;
  readonly directory: string;
  /** @param rawBytes how much of the disks has been read so far; holes count when they are passed. */
  readonly onProgress: (rawBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface NativePackRequest extends PackRequest {
  readonly keys: KeyPair;
  /** What the directory has under this name by the same publisher: what is equal is not written again. */
  readonly earlier: EarlierVersion | undefined;
}

/** @returns the manifest's path below the directory. Throws DISK_FULL; the signal's reason. */
export async function packNative(request: NativePackRequest): Promise<string> {
  const imageId = request.earlier?.imageId ?? ulid();
  try {
    return await pack(imageId, request);
  } catch (error) {
    throw asWriteError(error);
  }
}

async function pack(imageId: string, request: NativePackRequest): Promise<string> {
  using objects = new ImageObjects(request.directory, imageId);
  const frontend = await packDisk(request.frontend, 0, objects, request);
  const compute = request.compute && (await packDisk(request.compute, request.frontend.sizeBytes, objects, request));
  const manifest: Manifest = {
    schemaVersion: 1,
    imageId,
    imageName: request.imageName,
    version: (request.earlier?.version ?? 0) + 1,
    createdAt: new Date().toISOString(),
    architecture: 'x86_64',
    disks: { frontend, ...(compute && { compute }) },
  };
  const envelope = signManifest(manifest, request.keys.privateKeyPem);
  const sha256 = hash('sha256', envelope);
  await objects.writeFile(PUBLISHER_KEY_NAME, request.keys.publicKeyPem);
  await objects.write('manifests', sha256, envelope);
  objects.finish();
  return imageObjectKey(imageId, 'manifests', sha256);
}

async function packDisk(
  disk: OpenedDisk,
  bytesBefore: number,
  objects: ImageObjects,
  { signal, onProgress }: NativePackRequest,
): Promise<DiskDescription> {
  const cut = cutDisk(disk.handle, disk.sizeBytes);
  for await (const { sha256, bytes, number } of cut.parts) {
    signal.throwIfAborted();
    await objects.write('parts', sha256, bytes);
    onProgress(bytesBefore + Math.min(disk.sizeBytes, (number + 1) * PART_SIZE_BYTES));
  }
  const { disk: description, indexBytes } = cut.finish();
  await objects.write('indexes', description.index.sha256, indexBytes);
  return description;
}
