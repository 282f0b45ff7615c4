/** Publishes a version of an image: cut → upload what is missing → sign the manifest → complete. */
import { hash } from 'node:crypto';
import type { ApiClient } from '#shared/api-client.ts';
import { beginImageResponse, type ImageVersion, imageVersionSchema } from '#shared/api/images.ts';
import { trustResponse } from '#shared/api/trust.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type DiskDescription, type Manifest, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { signManifest } from '#shared/image/signed-manifest.ts';
import { cutDisk } from './cut-disk.ts';
import type { OpenedDisk } from './open-disk.ts';
import { Uploader, type UploadProgress } from './uploader.ts';

export interface PublishRequest {
  readonly imageName: string;
  readonly frontend: OpenedDisk;
  readonly compute: OpenedDisk | undefined;
  readonly privateKeyPem: string;
  /** @param rawBytes how much of the disks has been cut so far; holes count when they are passed. */
  readonly onProgress: (rawBytes: number, upload: UploadProgress) => void;
}

/** Answers the version and what had to be uploaded. Throws what the API says; PART_UNAVAILABLE where the bucket does not take an object. */
export async function publishVersion(
  api: ApiClient,
  request: PublishRequest,
): Promise<{ version: ImageVersion; upload: UploadProgress }> {
  const { imageName } = request;
  const begun = await api.call({ method: 'POST', path: '/v1/images', body: { imageName }, answer: beginImageResponse });
  const { imageId } = begun;
  await requireCertificate(api);
  await using uploader = new Uploader(api, imageId);
  const frontend = await publishDisk(request.frontend, 0, uploader, request);
  const compute =
    request.compute && (await publishDisk(request.compute, request.frontend.sizeBytes, uploader, request));
  const manifest: Manifest = {
    schemaVersion: 1,
    imageId,
    imageName,
    version: begun.nextVersion,
    createdAt: new Date().toISOString(),
    architecture: 'x86_64',
    disks: { frontend, ...(compute && { compute }) },
  };
  const envelope = signManifest(manifest, request.privateKeyPem);
  const manifestSha256 = hash('sha256', envelope);
  await uploader.add({ objectKind: 'manifests', sha256: manifestSha256, bytes: envelope });
  await uploader.finish();
  const path = `/v1/images/${imageId}/versions`;
  const version = await api.call({ method: 'POST', path, body: { manifestSha256 }, answer: imageVersionSchema });
  return { version, upload: uploader.progress };
}

/** Cuts a disk, and sends what is missing of it. */
export async function publishDisk(
  disk: OpenedDisk,
  rawBytesBefore: number,
  uploader: Uploader,
  { onProgress }: Pick<PublishRequest, 'onProgress'>,
): Promise<DiskDescription> {
  const cut = cutDisk(disk.handle, disk.sizeBytes);
  for await (const { sha256, bytes, number } of cut.parts) {
    await uploader.add({ objectKind: 'parts', sha256, bytes });
    onProgress(rawBytesBefore + Math.min(disk.sizeBytes, (number + 1) * PART_SIZE_BYTES), uploader.progress);
  }
  const { disk: description, indexBytes } = cut.finish();
  await uploader.add({ objectKind: 'indexes', sha256: description.index.sha256, bytes: indexBytes });
  await uploader.finish();
  onProgress(rawBytesBefore + disk.sizeBytes, uploader.progress);
  return description;
}

/** Before gigabytes are sent: the API, which has the last word, looks at the signature when all is there. */
async function requireCertificate(api: ApiClient): Promise<void> {
  const { certificate } = await api.call({ method: 'GET', path: '/v1/trust', answer: trustResponse });
  if (certificate !== undefined) return;
  throw new EdgebootError('FORBIDDEN', 'your publishing key has no certificate of this federation', {
    remedy: "Send the output of edgeboot publisher key to the federation's operator, who certifies it.",
  });
}
