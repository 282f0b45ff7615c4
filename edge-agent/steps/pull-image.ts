/**
 * Pulls every object of an image's disks through its source, verifies it and lets it go: the edge on the way has it then. Nothing is
 * left here, and memory is held only for what is on its way.
 */
import { type DiskDescription, imageObjectKey } from '#shared/image/manifest.ts';
import type { PartSource } from '../ports.ts';
import { eachOf } from '../transfer/each-of.ts';
import { requireDigest } from '../transfer/fetch-verified.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import { countDelivery, startReport, type TransferReport } from '../transfer/transfer-report.ts';

/** Objects begun at once: the flow lets as many of them through as help. */
const MOST_AT_ONCE = 128;

export interface ImageObject {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** The frame indexes first, then the parts; what several disks share, or one disk repeats, once. */
export function objectsOf(imageId: string, disks: readonly DiskDescription[]): ImageObject[] {
  const objects = [
    ...disks.map(({ index }) => ({ ...index, path: imageObjectKey(imageId, 'indexes', index.sha256) })),
    ...disks.flatMap(({ parts }) =>
      parts.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes, path: imageObjectKey(imageId, 'parts', sha256) })),
    ),
  ];
  return [...new Map(objects.map((object) => [object.path, object])).values()];
}

export interface Pulling {
  readonly source: PartSource;
  readonly flow: TransferFlow;
  readonly onProgress: (report: TransferReport) => void;
  readonly signal: AbortSignal;
}

/** Throws what the source throws, PART_CORRUPT when four copies of an object were corrupt. */
export async function pullObjects(
  objects: readonly ImageObject[],
  { source, flow, onProgress, signal }: Pulling,
): Promise<void> {
  let report = startReport(objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  await eachOf(objects, MOST_AT_ONCE, signal, async ({ path, sha256, sizeBytes }, stop) => {
    const delivery = await flow.use(source, { path, sizeBytes }, stop, (fetched) => {
      requireDigest(fetched, sha256, path);
      return Promise.resolve(fetched.delivery);
    });
    report = countDelivery(report, sizeBytes, delivery);
    onProgress(report);
  });
}
