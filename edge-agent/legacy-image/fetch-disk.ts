/** One disk of an older image: its files looked at, then fetched, assembled, checked, and given its name. */
import { hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { hasCode } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { folderOf } from '#shared/vc-xml/part-path.ts';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import { ensureDirectory, isNotThere } from '../durable-files.ts';
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
  /** What grows: named by `identity`, which no other transfer has. */
  readonly partialFileOf: (identity: string) => string;
  /** The complete disk's place, and mode. */
  readonly finalFileOf: (sha256: string) => string;
  readonly finalMode: number;
  /** Whether the disk is to survive the machine once it has its name. */
  readonly sync: boolean;
  readonly transfer: LegacyTransfer;
  readonly signal: AbortSignal;
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
  finalFileOf: DiskFetchOptions['finalFileOf'],
): Promise<FetchedDisk | undefined> {
  const parts: PinnedFile[] = [];
  for (const { path, sizeBytes, version } of probed) {
    const pinned = pinnedFileOf(pin, path);
    if (pinned?.sizeBytes !== sizeBytes || pinned.version !== version) return undefined;
    parts.push(pinned);
  }
  const sha256 = digestOf(disk, parts);
  const file = finalFileOf(sha256);
  const sizeBytes = pin.disks.find((known) => known.sha256 === sha256)?.sizeBytes;
  return sizeBytes !== undefined && (await sizeOf(file)) === sizeBytes ? { file, sha256, sizeBytes, parts } : undefined;
}

/**
 * Goes on from what an earlier run has left; leaves what is good for a later one where the network fails or the signal is aborted.
 * @param pin what the blocks are compared with; `undefined` where nothing is known, or changes are accepted.
 * Throws MANIFEST_UNTRUSTED, IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, and what the source throws.
 */
export async function fetchDisk(
  disk: DiskFile,
  probed: readonly ProbedFile[],
  pin: Pin | undefined,
  options: DiskFetchOptions,
): Promise<FetchedDisk> {
  const identity = hash('sha256', JSON.stringify({ type: disk.type, probed: probed.map(identityOf) }));
  const file = options.partialFileOf(identity);
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
    const fetched = await assembleAndCheck(disk, openFiles(probed, pin, notes, options), partial, notes, options);
    await finish(fetched, partial, options);
    return fetched;
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
  partial: PartialDisk,
  notes: AssemblyNotes,
  { flow, transfer, partialFileOf, finalFileOf, signal }: DiskFetchOptions,
): Promise<FetchedDisk> {
  const stopped = new AbortController();
  await using workers = new DiskWorkers(availableParallelism());
  signal.addEventListener('abort', () => workers.stop(), { once: true, signal: stopped.signal });
  const onStartAnew = (): void => transfer.expect(transfer.report.fetchedBytes);
  const onWritten = watchSpace(dirname(partialFileOf('')));
  const how = { disk: partial, notes, flow, workers, onWritten, onStartAnew, signal };
  const sizeBytes = await assembleDisk({ type: disk.type, files, ...how }).finally(() => stopped.abort());
  requireCompliant(await inspectDisk(partial.read, sizeBytes));

  const parts = files.map(({ probed: { path, sizeBytes, version }, blockSha256 }) => ({
    ...{ path, sizeBytes, blockSha256: [...blockSha256] },
    ...(version !== undefined && { version }),
  }));
  const sha256 = digestOf(disk, parts);
  return { file: finalFileOf(sha256), sha256, sizeBytes, parts };
}

/** Another image may have brought the same disk already. */
async function finish(
  { file, sizeBytes }: FetchedDisk,
  partial: PartialDisk,
  { finalMode }: DiskFetchOptions,
): Promise<void> {
  if ((await sizeOf(file)) === sizeBytes) return partial.discard();
  if ((await sizeOf(dirname(file))) === undefined) await ensureDirectory(dirname(file), 0o711);
  await partial.finish(file, finalMode);
}

const identityOf = ({ path, sizeBytes, version }: ProbedFile) => ({ path, sizeBytes, version });

/** Of all that the disk is made of, and how: equal digests, equal disks. */
function digestOf({ type }: DiskFile, parts: readonly PinnedFile[]): string {
  const files = parts.map(({ sizeBytes, blockSha256 }) => ({ sizeBytes, blockSha256 }));
  return hash('sha256', JSON.stringify({ type, files }));
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
