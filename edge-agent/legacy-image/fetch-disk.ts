/** One disk of an older image: its files looked at, then fetched, assembled, checked, and put into the cache. */
import { hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { folderOf } from '#shared/vc-xml/part-path.ts';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import { isNotThere } from '../durable-files.ts';
import type { PartSource } from '../ports.ts';
import { assembleDisk } from './assemble-disk.ts';
import { DiskWriter } from './disk-writer.ts';
import { eachOf } from '../transfer/each-of.ts';
import type { LegacyTransfer } from './legacy-transfer.ts';
import { errorOfChange, type Pin, type PinnedFile, pinnedFileOf } from './pins.ts';
import { type ProbedFile, probeFile, RemoteFile, replacedMeanwhile } from './remote-file.ts';

export interface FetchedDisk {
  /** The complete raw disk in the cache. */
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly parts: readonly PinnedFile[];
}

export interface DiskFetchOptions {
  /** Asked for at most `connections` objects at once. */
  readonly source: PartSource;
  readonly connections: number;
  readonly cacheDirectory: string;
  /** Of this image's own, in the cache directory: nobody else writes it. */
  readonly partialFile: string;
  readonly transfer: LegacyTransfer;
  readonly signal: AbortSignal;
}

/** A tiny request for each part. Throws PART_CORRUPT, and what the source throws. */
export async function probeDisk(
  disk: DiskFile,
  descriptionPath: string,
  { source, connections, signal }: DiskFetchOptions,
): Promise<readonly ProbedFile[]> {
  const probed: ProbedFile[] = [];
  await eachOf(disk.parts.entries(), connections, signal, async ([i, part], stop) => {
    probed[i] = await probeFile(source, folderOf(descriptionPath) + part, stop);
  });
  return probed;
}

/** The disk as it was assembled before, where every file looks as it did then. */
export async function findCachedDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin,
  cacheDirectory: string,
): Promise<FetchedDisk | undefined> {
  const parts: PinnedFile[] = [];
  for (const { path, sizeBytes, version } of probed) {
    const pinned = pinnedFileOf(pin, path);
    if (pinned?.sizeBytes !== sizeBytes || pinned.version !== version) return undefined;
    parts.push(pinned);
  }
  const sha256 = digestOf(disk, parts);
  const file = diskFileOf(cacheDirectory, sha256);
  const sizeBytes = pin.disks.find((known) => known.sha256 === sha256)?.sizeBytes;
  return sizeBytes !== undefined && (await sizeOf(file)) === sizeBytes ? { file, sha256, sizeBytes, parts } : undefined;
}

/**
 * @param pin what the blocks are compared with; `undefined` where nothing is known, or changes are accepted.
 * Throws MANIFEST_UNTRUSTED, IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, and what the source throws.
 */
export async function fetchDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  options: DiskFetchOptions,
): Promise<FetchedDisk> {
  const { source, transfer, connections, signal } = options;
  const files = probed.map((file) => {
    const pinnedSha256 = pinnedFileOf(pin, file.path)?.blockSha256;
    return new RemoteFile(file, {
      ...{ source, pinnedSha256, onFetched: transfer.count },
      errorOfChange: (what) => (pin === undefined ? replacedMeanwhile(file.path) : errorOfChange(pin, what)),
    });
  });
  const onStartAnew = (): void => transfer.expect(transfer.report.fetchedBytes);
  await using writer = await DiskWriter.create(options.partialFile);
  const sizeBytes = await assembleDisk({ type: disk.type, files, writer, connections, onStartAnew, signal });
  requireCompliant(await inspectDisk(writer.read, sizeBytes));

  const parts = files.map(({ probed: { path, sizeBytes, version }, blockSha256 }) => ({
    ...{ path, sizeBytes, blockSha256: [...blockSha256] },
    ...(version !== undefined && { version }),
  }));
  const sha256 = digestOf(disk, parts);
  const file = diskFileOf(options.cacheDirectory, sha256);
  if ((await sizeOf(file)) !== sizeBytes) await writer.finish(file);
  return { file, sha256, sizeBytes, parts };
}

/** Of all that the disk is made of, and how: equal digests, equal disks. */
function digestOf({ type }: DiskFile, parts: readonly PinnedFile[]): string {
  const files = parts.map(({ sizeBytes, blockSha256 }) => ({ sizeBytes, blockSha256 }));
  return hash('sha256', JSON.stringify({ type, files }));
}

function diskFileOf(cacheDirectory: string, sha256: string): string {
  return join(cacheDirectory, sha256, 'disk.raw');
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
