/** A virtual cluster of the older kind in a repository: a vc-in.xml with its disks beside it (formats, section 2). */
import { fetchDescription } from '../legacy-image/description.ts';
import { fetchLegacyImage, type LegacyImage } from '../legacy-image/fetch-legacy-image.ts';
import type { PartSource } from '../ports.ts';
import { diskFiles } from '../steps/fetched-image.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { FetchOptions, UndisposedImage, WantedImage } from './ports.ts';

export interface LegacyPorts {
  readonly cacheDirectory: string;
  readonly pinsDirectory: string;
  readonly flow: TransferFlow;
  /** Between all processes of this host. */
  readonly holdLock: (name: string, signal: AbortSignal) => Promise<() => Promise<void>>;
}

/** Throws IMAGE_NOT_COMPLIANT, and what the source throws. */
export async function findLegacyImage(
  wanted: WantedImage,
  descriptionPath: string,
  source: PartSource,
  ports: LegacyPorts,
  signal: AbortSignal,
): Promise<UndisposedImage> {
  const description = await fetchDescription(source, descriptionPath, signal);
  const { frontend, compute = frontend, bootDependency, privateNetwork } = description.cluster;
  const { repository, name, acceptChanges } = wanted;
  return {
    name,
    description: {
      frontendCpus: frontend.cpus,
      hardware: { frontend: frontend.hardware, compute: compute.hardware },
      privateNetwork,
      computesWaitSeconds: bootDependency?.waitSeconds,
    },
    memoryMiB: { frontend: frontend.memoryMiB, compute: compute.memoryMiB },
    // Computes without a disk of their own boot from the frontend's.
    hasComputes: true,
    fetch: async (options) => {
      const image = { repository, name, source, description, acceptChanges };
      const fetched = await fetchLegacyImage({ ...image, ...ports, ...options });
      tellOfPins(name, fetched, options);
      const { frontendDisk, computeDisk } = fetched;
      const disks = [
        ['frontend', frontendDisk] as const,
        ...(computeDisk === undefined ? [] : [['compute', computeDisk] as const]),
      ];
      return diskFiles(new Map(disks));
    },
  };
}

function tellOfPins(name: string, image: LegacyImage, { onNotice }: FetchOptions): void {
  if (image.firstSeen) {
    onNotice(`nobody vouches for ${name}: its digests, recorded on ${image.pinnedAt}, are held against it from now on`);
  }
  for (const change of image.acceptedChanges) onNotice(`${name}: accepted: ${change}`);
}
