/** What fetching a native disk would take from the network: nothing is written. */
import { availableParallelism } from 'node:os';
import type { DiskDescription } from '#shared/image/manifest.ts';
import { fetchFrameIndex } from '../base-image/load-frame-index.ts';
import { findContents } from '../base-image/local-frames.ts';
import { missingBytes } from '../base-image/missing-runs.ts';
import type { PartSource } from '../ports.ts';
import { DiskWorkers } from '../transfer/disk-workers.ts';

/** @param source asked for objects by their names within the image. Throws what the source throws, MANIFEST_UNTRUSTED. */
export async function planNativeDisk(
  disk: DiskDescription,
  source: PartSource,
  reuse: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const index = await fetchFrameIndex(disk, source, signal);
  await using workers = new DiskWorkers(availableParallelism());
  const here = await findContents(reuse, workers, signal);
  return missingBytes(index, disk, (number) => {
    const frame = index.locate(number);
    return frame !== 'zero' && !here.has(frame.rawSha256);
  });
}
