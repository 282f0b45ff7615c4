/** A disk of an older image, fetched into a file of the caller's: nothing is pinned, nothing is held against a pin. */
import { stat } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import { fetchDescription } from '../legacy-image/description.ts';
import { fetchDisk as fetchLegacy, probeDisk } from '../legacy-image/fetch-disk.ts';
import { LegacyTransfer } from '../legacy-image/legacy-transfer.ts';
import type { PartSource } from '../ports.ts';
import type { DiskRequest, FetchedToFile, PlannedFetch } from './ports.ts';

/** Throws NOT_FOUND (no such disk), IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, and what the source throws. */
export async function fetchLegacyDisk(
  path: string,
  source: PartSource,
  request: DiskRequest,
): Promise<FetchedToFile | PlannedFetch> {
  const { node, output, flow, sync, signal, onNotice, onProgress } = request;
  const { cluster } = await fetchDescription(source, path, signal);
  const disk = (node === 'frontend' ? cluster.frontend : cluster.compute)?.disk;
  if (disk === undefined) {
    throw new EdgebootError('NOT_FOUND', `${path} describes no disk of the computes' own`, {
      remedy: "Computes boot from the frontend's there: --node frontend",
    });
  }
  if (request.dryRun) {
    const parts = await probeDisk(disk, path, { source, signal });
    return { image: path, wouldFetchBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  }
  onNotice('nobody vouches for an image of the older kind: it has no digests');
  const transfer = new LegacyTransfer(onProgress);
  const probed = await probeDisk(disk, path, { source, signal });
  for (const { sizeBytes } of probed) transfer.expect(sizeBytes);
  const fetched = await fetchLegacy(disk, probed, undefined, {
    ...{ source, flow, sync, transfer, signal, finalMode: 0o644 },
    partialFileOf: (identity) => `${output}.${identity.slice(0, 16)}.partial`,
    finalFileOf: () => output,
  });
  const { blocks } = await stat(output);
  const { sha256, sizeBytes } = fetched;
  return { image: path, digest: sha256, sizeBytes, allocatedBytes: blocks * 512, transfer: transfer.report };
}
