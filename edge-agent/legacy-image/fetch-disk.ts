/** One disk of an older image: its files looked at, then fetched, assembled, checked, and put into the cache. */
import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { folderOf } from '#shared/vc-xml/part-path.ts';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import { allSettled } from '../transfer/all-settled.ts';
import type { ImageLabel } from '../cache/base-folder.ts';
import { digestBlocks, writeBlockDigests } from '../cache/block-digests.ts';
import type { ImageCache } from '../cache/image-cache.ts';
import type { PartSource } from '../ports.ts';
import { assembleDisk } from './assemble-disk.ts';
import { DiskWriter } from './disk-writer.ts';
import { eachOf } from '../transfer/each-of.ts';
import type { LegacyTransfer } from './legacy-transfer.ts';
import { errorOfChange, type Pin, type PinnedFile, pinnedFileOf } from './pins.ts';
import { type ProbedFile, probeFile, RemoteFile, replacedMeanwhile } from './remote-file.ts';
import { spaceFor } from './space-for.ts';

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
  readonly cache: ImageCache;
  /** The folder in the cache that a disk grows in: of this image's own, nobody else writes it. */
  readonly partialBase: string;
  readonly label: ImageLabel;
  /** Called before a disk is used or gets its final name: from then on it is not removed. */
  readonly claim: (bases: readonly string[]) => Promise<void>;
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

/** The disk as it was assembled before, where every file looks as it did then. Throws CONFLICT where it is damaged and in use. */
export async function findCachedDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin,
  { cache, label, claim, signal }: DiskFetchOptions,
): Promise<FetchedDisk | undefined> {
  const parts: PinnedFile[] = [];
  for (const { path, sizeBytes, version } of probed) {
    const pinned = pinnedFileOf(pin, path);
    if (pinned?.sizeBytes !== sizeBytes || pinned.version !== version) return undefined;
    parts.push(pinned);
  }
  const sha256 = digestOf(disk, parts);
  const sizeBytes = pin.disks.find((known) => known.sha256 === sha256)?.sizeBytes;
  if (sizeBytes === undefined) return undefined;
  await claim([sha256]);
  const opened = await cache.open(sha256, sizeBytes, label, signal);
  await opened?.close();
  return opened && { file: cache.folderOf(sha256).disk, sha256, sizeBytes, parts };
}

/**
 * @param pin what the blocks are compared with; `undefined` where nothing is known, or changes are accepted.
 * Throws MANIFEST_UNTRUSTED, IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, CONFLICT, and what the source throws.
 */
export async function fetchDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  options: DiskFetchOptions,
): Promise<FetchedDisk> {
  const { cache, partialBase, label, signal } = options;
  const release = await cache.lockBase(partialBase, signal);
  try {
    const folder = await cache.begin(partialBase, label);
    await cache.makeRoom(partialBase, spaceFor(disk.type, probed), signal);
    return await assemble(disk, probed, pin, folder.partial, options);
  } finally {
    await cache.folderOf(partialBase).remove();
    await release();
  }
}

async function assemble(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  partialFile: string,
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
  await using writer = await DiskWriter.create(partialFile);
  const sizeBytes = await assembleDisk({ type: disk.type, files, writer, connections, onStartAnew, signal });
  requireCompliant(await inspectDisk(writer.read, sizeBytes));

  const parts = files.map(({ probed: { path, sizeBytes, version }, blockSha256 }) => ({
    ...{ path, sizeBytes, blockSha256: [...blockSha256] },
    ...(version !== undefined && { version }),
  }));
  const sha256 = digestOf(disk, parts);
  await options.claim([sha256]);
  const file = await keepInCache({ sha256, sizeBytes, writer, partialFile }, options);
  return { file, sha256, sizeBytes, parts };
}

interface AssembledDisk extends Pick<FetchedDisk, 'sha256' | 'sizeBytes'> {
  readonly writer: DiskWriter;
  readonly partialFile: string;
}

/** Gives it its final name, unless it is there: another image may have the same disk. */
async function keepInCache(assembled: AssembledDisk, { cache, label, signal }: DiskFetchOptions): Promise<string> {
  const { sha256, sizeBytes, writer, partialFile } = assembled;
  const release = await cache.lockBase(sha256, signal);
  try {
    const present = await cache.open(sha256, sizeBytes, label, signal);
    await present?.close();
    const folder = await cache.begin(sha256, label);
    if (present !== undefined) return folder.disk;
    await using reading = await open(partialFile, 'r');
    // Digested while the disk takes what was written: that costs hardly any time.
    const digesting = digestBlocks(reading, sizeBytes, signal);
    await allSettled([digesting, writer.finish(folder.disk)]);
    await writeBlockDigests(folder.blockDigests, await digesting);
    return folder.disk;
  } finally {
    await release();
  }
}

/** Of all that the disk is made of, and how: equal digests, equal disks. */
function digestOf({ type }: DiskFile, parts: readonly PinnedFile[]): string {
  const files = parts.map(({ sizeBytes, blockSha256 }) => ({ sizeBytes, blockSha256 }));
  return hash('sha256', JSON.stringify({ type, files }));
}
