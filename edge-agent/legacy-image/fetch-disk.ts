/** One disk of an older image: its files looked at, then fetched, assembled, checked, and given its name. */
import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { hasCode } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { folderOf } from '#shared/vc-xml/part-path.ts';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import type { Need } from '../cache/plan-room.ts';
import type { PartSource } from '../ports.ts';
import { DiskWorkers } from '../transfer/disk-workers.ts';
import { eachOf } from '../transfer/each-of.ts';
import { PartialDisk } from '../transfer/partial-disk.ts';
import { watchSpace } from '../transfer/spare-space.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import { assembleDisk } from './assemble-disk.ts';
import { AssemblyNotes } from './assembly-notes.ts';
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
  readonly source: PartSource;
  readonly flow: TransferFlow;
  readonly place: DiskPlace;
  /** Whether the disk is to survive the machine once it has its name. */
  readonly sync: boolean;
  readonly transfer: LegacyTransfer;
  readonly signal: AbortSignal;
}

/** Where a disk grows, and where it is put in the end. */
export interface DiskPlace {
  /**
   * For what grows, until it is disposed of; named by `identity`, which no other transfer has. What an earlier run has left is there.
   * Throws DISK_FULL.
   */
  begin(identity: string, need: Need): Promise<GrowingDisk>;
  /** Gives it its final name. Throws DISK_FULL. @returns the file, which may have been there already */
  keep(disk: Pick<FetchedDisk, 'sha256' | 'sizeBytes'>, partial: PartialDisk): Promise<string>;
}

export interface GrowingDisk extends AsyncDisposable {
  readonly partialFile: string;
}

/** Of the tiny requests. */
const PROBES_AT_ONCE = 16;

/** A tiny request for each part. Throws PART_CORRUPT, and what the source throws. */
export async function probeDisk(
  disk: DiskFile,
  descriptionPath: string,
  { source, signal }: Pick<DiskFetchOptions, 'source' | 'signal'>,
): Promise<readonly ProbedFile[]> {
  const probed: ProbedFile[] = [];
  await eachOf(disk.parts.entries(), PROBES_AT_ONCE, signal, async ([i, part], stop) => {
    probed[i] = await probeFile(source, folderOf(descriptionPath) + part, stop);
  });
  return probed;
}

/** The disk as it was assembled before, where every file looks as it did then. */
export async function findCachedDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin,
  find: (sha256: string, sizeBytes: number) => Promise<string | undefined>,
): Promise<FetchedDisk | undefined> {
  const parts: PinnedFile[] = [];
  for (const { path, sizeBytes, version } of probed) {
    const pinned = pinnedFileOf(pin, path);
    if (pinned?.sizeBytes !== sizeBytes || pinned.version !== version) return undefined;
    parts.push(pinned);
  }
  const sha256 = digestOf(disk, parts);
  const sizeBytes = pin.disks.find((known) => known.sha256 === sha256)?.sizeBytes;
  const file = sizeBytes === undefined ? undefined : await find(sha256, sizeBytes);
  return sizeBytes === undefined || file === undefined ? undefined : { file, sha256, sizeBytes, parts };
}

/**
 * Goes on from what an earlier run has left; leaves what is good for a later one where the network fails or the signal is aborted.
 * @param pin what the blocks are compared with; `undefined` where nothing is known, or changes are accepted.
 * Throws MANIFEST_UNTRUSTED, IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, CONFLICT, and what the source throws.
 */
export async function fetchDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  options: DiskFetchOptions,
): Promise<FetchedDisk> {
  const identity = hash('sha256', JSON.stringify({ type: disk.type, probed: probed.map(identityOf) }));
  await using growing = await options.place.begin(identity, spaceFor(disk.type, probed));
  const file = growing.partialFile;
  const blockCount = probed.reduce((sum, { sizeBytes }) => sum + RemoteFile.countBlocks(sizeBytes), 0);
  const journalBytes = AssemblyNotes.journalBytes(probed.length, blockCount);
  await using partial = await PartialDisk.open({
    file,
    identity,
    journalBytes,
    sizeBytes: undefined,
    sync: options.sync,
  });
  const notes = new AssemblyNotes(partial, probed.length, blockCount);
  try {
    const files = openFiles(probed, pin, notes, options);
    const assembled = await assembleAndCheck(disk, files, { partial, notes, file }, options);
    return { ...assembled, file: await options.place.keep(assembled, partial) };
  } catch (error) {
    // What has arrived is not lost, unless it is good for nothing; should even noting it fail, the first error is the one to tell of.
    const isUseless = hasCode(error) && (error.disposition === 'reject' || error.disposition === 'refetch');
    await (isUseless ? partial.discard() : partial.checkpoint().catch(() => undefined));
    throw error;
  }
}

function openFiles(
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  notes: AssemblyNotes,
  { source, transfer }: DiskFetchOptions,
): RemoteFile[] {
  let firstBlock = 0;
  return probed.map((file) => {
    const remote = new RemoteFile(file, {
      ...{ source, firstBlock, pinnedSha256: pinnedFileOf(pin, file.path)?.blockSha256 },
      digestOf: (block) => notes.digestOf(block),
      onFetched: transfer.count,
      errorOfChange: (what) => (pin === undefined ? replacedMeanwhile(file.path) : errorOfChange(pin, what)),
    });
    firstBlock += remote.blockCount;
    return remote;
  });
}

async function assembleAndCheck(
  disk: DiskFile,
  files: readonly RemoteFile[],
  { partial, notes, file }: { readonly partial: PartialDisk; readonly notes: AssemblyNotes; readonly file: string },
  { flow, transfer, signal }: DiskFetchOptions,
): Promise<Omit<FetchedDisk, 'file'>> {
  const stopped = new AbortController();
  await using workers = new DiskWorkers(availableParallelism());
  signal.addEventListener('abort', () => workers.stop(), { once: true, signal: stopped.signal });
  const onStartAnew = (): void => transfer.expect(transfer.report.fetchedBytes);
  const onWritten = watchSpace(dirname(file));
  const how = { disk: partial, notes, flow, workers, onWritten, onStartAnew, signal };
  const sizeBytes = await assembleDisk({ type: disk.type, files, ...how }).finally(() => stopped.abort());
  requireCompliant(await inspectDisk(partial.read, sizeBytes));

  const parts = files.map(({ probed: { path, sizeBytes, version }, blockSha256 }) => ({
    ...{ path, sizeBytes, blockSha256: [...blockSha256] },
    ...(version !== undefined && { version }),
  }));
  return { sha256: digestOf(disk, parts), sizeBytes, parts };
}

const identityOf = ({ path, sizeBytes, version }: ProbedFile) => ({ path, sizeBytes, version });

/** Of all that the disk is made of, and how: equal digests, equal disks. */
function digestOf({ type }: DiskFile, parts: readonly PinnedFile[]): string {
  const files = parts.map(({ sizeBytes, blockSha256 }) => ({ sizeBytes, blockSha256 }));
  return hash('sha256', JSON.stringify({ type, files }));
}
