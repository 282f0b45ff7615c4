/** An image of a repository in the project's own format: a manifest under its publisher's signature (design: image on the wire). */
import { hash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { imageFolder, imageObjectKey, type Manifest } from '#shared/image/manifest.ts';
import {
  MAX_PUBLISHER_KEY_BYTES,
  MAX_SIGNED_MANIFEST_BYTES,
  openSignedManifest,
  PUBLISHER_KEY_NAME,
} from '#shared/image/signed-manifest.ts';
import type { BaseImages } from '../base-image/base-images.ts';
import type { PartSource } from '../ports.ts';
import { CombinedProgress } from '../steps/fetch-progress.ts';
import { diskFiles, type FetchedDisks } from '../steps/fetched-image.ts';
import { together } from '../together.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import { checkPublisher, type PinPorts } from './publisher-pins.ts';
import type { FetchOptions, UndisposedImage, WantedImage } from './ports.ts';

export interface NativePorts extends PinPorts {
  readonly baseImages: BaseImages;
  readonly flow: TransferFlow;
}

const MANIFEST_PATH = /^images\/([0-9A-Z]{26})\/manifests\/([0-9a-f]{64})\.json$/;

/**
 * @param manifestPath as the repository's index has it.
 * @throws EdgebootError MANIFEST_UNTRUSTED, NOT_FOUND, and what the source throws.
 */
export async function findNativeImage(
  wanted: WantedImage,
  manifestPath: string,
  source: PartSource,
  ports: NativePorts,
  signal: AbortSignal,
): Promise<UndisposedImage> {
  const [, imageId = '', sha256 = ''] = MANIFEST_PATH.exec(manifestPath) ?? [];
  if (imageId === '') throw untrusted(`${wanted.name} has no manifest at ${manifestPath}`);
  const keyPath = `${imageFolder(imageId)}/${PUBLISHER_KEY_NAME}`;
  const read = async (path: string, maxBytes: number): Promise<Buffer> =>
    (await source.fetch({ path, sizeBytes: undefined, maxBytes }, signal)).bytes;
  const publicKeyPem = (await read(keyPath, MAX_PUBLISHER_KEY_BYTES)).toString();
  const bytes = await read(imageObjectKey(imageId, 'manifests', sha256), MAX_SIGNED_MANIFEST_BYTES);
  if (hash('sha256', bytes) !== sha256) throw untrusted(`the manifest of ${wanted.name} does not match its name`);
  const manifest = openSignedManifest(bytes, publicKeyPem);
  if (manifest.imageId !== imageId) throw untrusted(`the manifest of ${wanted.name} is that of another image`);
  const { repository, name, acceptChanges } = wanted;
  const { version } = manifest;
  const notice = await checkPublisher({ repository, name, publicKeyPem, version, acceptChanges }, ports, signal);

  return {
    name,
    description: {},
    memoryMiB: { frontend: undefined, compute: undefined },
    hasComputes: manifest.disks.compute !== undefined,
    fetch: (options) => {
      if (notice !== undefined) options.onNotice(notice);
      return fetchDisks(manifest, source, ports, options);
    },
  };
}

async function fetchDisks(
  { imageId, disks }: Manifest,
  source: PartSource,
  { baseImages, flow }: NativePorts,
  options: FetchOptions,
): Promise<FetchedDisks> {
  const needed = [
    { role: 'frontend' as const, disk: disks.frontend },
    ...(options.computes > 0 && disks.compute ? [{ role: 'compute' as const, disk: disks.compute }] : []),
  ];
  const progress = new CombinedProgress(
    needed.map(({ disk }) => disk),
    (sofar) => options.onProgress({ fetchedBytes: sofar.bytesFetched, totalBytes: sofar.bytesTotal }),
  );
  const files = await together(
    options.signal,
    needed.map(({ role, disk }, i) => async (signal) => {
      await using opened = await baseImages.open({ disk, imageId, source, signal });
      const { image } = opened;
      await image.fetchAll({ flow, signal, onProgress: (sofar) => progress.update(i, sofar) });
      const read = (offsetBytes: number, lengthBytes: number) => image.read(offsetBytes, lengthBytes, signal);
      requireCompliant(await inspectDisk(read, disk.sizeBytes));
      return [role, image.file] as const;
    }),
  );
  return diskFiles(new Map(files));
}

const untrusted = (what: string): EdgebootError => new EdgebootError('MANIFEST_UNTRUSTED', what);
