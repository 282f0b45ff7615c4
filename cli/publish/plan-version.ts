/** What publishing a version would upload: nothing is made, sent or signed. */
import type { ApiClient } from '#shared/api-client.ts';
import { imageResponse } from '#shared/api/images.ts';
import { hasCode } from '#shared/errors.ts';
import { type PublishRequest, publishDisk } from './publish-version.ts';
import { Uploader, type UploadProgress } from './uploader.ts';

/** Throws what the API says, and IMAGE_NOT_COMPLIANT where a disk ends early. */
export async function planVersion(
  api: ApiClient,
  request: Omit<PublishRequest, 'privateKeyPem'>,
): Promise<UploadProgress> {
  const { imageName, frontend, compute } = request;
  const path = `/v1/images/${encodeURIComponent(imageName)}`;
  const known = await api.call({ method: 'GET', path, answer: imageResponse }).catch((error: unknown) => {
    if (hasCode(error, 'NOT_FOUND')) return undefined;
    throw error;
  });
  await using uploader = new Uploader(api, known?.imageId, { dryRun: true });
  await publishDisk(frontend, 0, uploader, request);
  if (compute !== undefined) await publishDisk(compute, frontend.sizeBytes, uploader, request);
  return uploader.progress;
}
