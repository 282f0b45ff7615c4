/** Brings disks of an image into the agent's cache, side by side, each assembled as it comes. What is here is not fetched again. */
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import type { DiskDescription, Manifest } from '#shared/image/manifest.ts';
import type { BaseImages } from '../base-image/base-images.ts';
import type { PartSource } from '../ports.ts';
import { together } from '../together.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';
import type { CombinedProgress } from './fetch-progress.ts';

export interface AssemblePorts {
  readonly baseImages: BaseImages;
  /** The way that the bytes of all transfers take. */
  readonly flow: TransferFlow;
}

export interface WantedDisk {
  readonly role: 'frontend' | 'compute';
  readonly disk: DiskDescription;
}

export interface Assembling {
  /** Of whose image they are. */
  readonly manifest: Manifest;
  readonly source: PartSource;
  /** Of these disks, in their order. */
  readonly progress: CombinedProgress;
  readonly signal: AbortSignal;
}

/**
 * Also checks each disk against the image standard. Throws IMAGE_NOT_COMPLIANT, MANIFEST_UNTRUSTED, PART_CORRUPT, PART_UNAVAILABLE,
 * FORBIDDEN, DISK_FULL.
 * @returns the complete, verified, raw disks by role.
 */
export async function assembleDisks(
  disks: readonly WantedDisk[],
  { manifest, source, progress, signal }: Assembling,
  { baseImages, flow }: AssemblePorts,
): Promise<ReadonlyMap<string, string>> {
  const { imageId, imageName: name, version } = manifest;
  const files = new Map<string, string>();
  await together(
    signal,
    disks.map(({ role, disk }, i) => async (either) => {
      const storedBytes = disk.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const label = { name, version, published: { imageId, storedBytes } };
      await using opened = await baseImages.open({ disk, imageId, label, source, signal: either });
      const { image } = opened;
      const onProgress = (sofar: TransferReport): void => progress.update(i, sofar);
      progress.update(i, await image.fetchAll({ flow, signal: either, onProgress }));
      const read = (offsetBytes: number, lengthBytes: number) => image.read(offsetBytes, lengthBytes, either);
      requireCompliant(await inspectDisk(read, disk.sizeBytes));
      files.set(role, image.file);
    }),
  );
  return files;
}

/** Every disk that the image has. */
export function disksOf({ disks }: Manifest): WantedDisk[] {
  return [
    { role: 'frontend', disk: disks.frontend },
    ...(disks.compute ? [{ role: 'compute' as const, disk: disks.compute }] : []),
  ];
}
