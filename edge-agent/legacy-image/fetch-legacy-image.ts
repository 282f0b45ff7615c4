/**
 * An older image, from a repository without digests, made ready to boot: pinned at first sight, held against its pin ever after
 * (formats, sections 2 to 4).
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { DiskFile } from '#shared/vc-xml/vc-in.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';
import { ensureDirectory } from '../durable-files.ts';
import type { PartSource } from '../ports.ts';
import type { LegacyDescription } from './description.ts';
import { type DiskFetchOptions, type FetchedDisk, fetchDisk, findCachedDisk, probeDisk } from './fetch-disk.ts';
import { LegacyTransfer } from './legacy-transfer.ts';
import {
  differenceOf,
  errorOfChange,
  type Pin,
  type PinnedFile,
  pinFileOf,
  pinnedFileOf,
  readPin,
  writePin,
} from './pins.ts';

export interface LegacyImageOptions {
  /** As the operator names it: pins are kept by it. */
  readonly repository: string;
  /** A LEGACY_NAME. */
  readonly name: string;
  /** The repository itself; it retries by itself. */
  readonly source: PartSource;
  readonly description: LegacyDescription;
  /** With none, a disk of the computes' own is not fetched. */
  readonly computes: number;
  readonly cacheDirectory: string;
  readonly pinsDirectory: string;
  /** What differs from the pin is pinned anew, and told. */
  readonly acceptChanges: boolean;
  /** The way that the bytes take; several transfers may share it. */
  readonly flow: TransferFlow;
  /** Between all processes of this host: who comes second waits, and finds the disks here. */
  readonly holdLock: (name: string, signal: AbortSignal) => Promise<() => Promise<void>>;
  readonly onProgress: (progress: TransferReport) => void;
  readonly signal: AbortSignal;
}

export interface LegacyImage {
  /** The complete raw disk in the cache. */
  readonly frontendDisk: string;
  /** The frontend's, where the computes have none of their own; `undefined` where there are no computes. */
  readonly computeDisk: string | undefined;
  /** Nobody vouches for the image, or for a disk of it that was not needed before: this is what it will be held against. */
  readonly firstSeen: boolean;
  /** ISO 8601. */
  readonly pinnedAt: string;
  /** What was not as pinned, and accepted; for a person. */
  readonly acceptedChanges: readonly string[];
  readonly transfer: TransferReport;
}

/** Throws MANIFEST_UNTRUSTED, IMAGE_NOT_COMPLIANT, PART_CORRUPT, DISK_FULL, INVALID_CONFIG, and what the source throws. */
export async function fetchLegacyImage(options: LegacyImageOptions): Promise<LegacyImage> {
  const pinFile = pinFileOf(options.pinsDirectory, options.repository, options.name);
  await ensureDirectory(options.cacheDirectory, 0o711);
  const release = await options.holdLock(`legacy image ${pinFile}`, options.signal);
  try {
    return await fetchAlone(options, pinFile);
  } finally {
    await release();
  }
}

async function fetchAlone(options: LegacyImageOptions, pinFile: string): Promise<LegacyImage> {
  const { description, acceptChanges, onProgress } = options;
  const pin = await readPin(pinFile);
  const descriptionChange = pin && differenceOfDescription(pin, description);
  if (pin !== undefined && descriptionChange !== undefined && !acceptChanges)
    throw errorOfChange(pin, descriptionChange);

  const transfer = new LegacyTransfer(onProgress);
  const now = new Date().toISOString();
  let updated: Pin | undefined;
  let acceptedChanges: string[] = [];
  const disks: FetchedDisk[] = [];
  for (const fetchNext of await findDisks(options, pin, transfer, hash('sha256', pinFile))) {
    disks.push(await fetchNext());
    const found = disks.flatMap(({ parts }) => parts);
    acceptedChanges = [descriptionChange, ...differencesOf(found, pin)].filter((change) => change !== undefined);
    const kept = descriptionChange === undefined ? pin : undefined;
    const pinnedAt = acceptedChanges.length > 0 ? undefined : pin?.pinnedAt;
    updated = {
      schemaVersion: 1,
      name: options.name,
      pinnedAt: pinnedAt ?? now,
      description: { path: description.path, sha256: description.sha256 },
      files: mergeBy(({ path }) => path, kept?.files ?? [], found),
      disks: mergeBy(
        ({ sha256 }) => sha256,
        kept?.disks ?? [],
        disks.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes })),
      ),
    };
    // After each disk: should the next one fail, this one is found here.
    await writePin(pinFile, updated);
  }
  const [frontend, compute = frontend] = disks;
  if (frontend === undefined || updated === undefined) throw new Error('an image has a frontend');
  return {
    frontendDisk: frontend.file,
    computeDisk: options.computes > 0 ? compute?.file : undefined,
    firstSeen: disks.some(({ parts }) => parts.some(({ path }) => pinnedFileOf(pin, path) === undefined)),
    pinnedAt: updated.pinnedAt,
    acceptedChanges,
    transfer: transfer.report,
  };
}

function differencesOf(found: readonly PinnedFile[], pin: Pin | undefined): (string | undefined)[] {
  return found.map((file) => {
    const pinned = pinnedFileOf(pin, file.path);
    return pinned && differenceOf(pinned, file);
  });
}

/** All files are looked at before the first is fetched. @returns what fetches the frontend's disk, and the computes' own */
async function findDisks(
  options: LegacyImageOptions,
  pin: Pin | undefined,
  transfer: LegacyTransfer,
  pinId: string,
): Promise<(() => Promise<FetchedDisk>)[]> {
  const { description, source, flow, cacheDirectory, signal } = options;
  const finalFileOf = (sha256: string): string => join(cacheDirectory, sha256, 'disk.raw');
  const partialFileOf = (identity: string): string =>
    join(cacheDirectory, `${pinId.slice(0, 16)}-${identity.slice(0, 32)}.partial`);
  const how: DiskFetchOptions = {
    ...{ source, flow, partialFileOf, finalFileOf, transfer, signal, sync: true },
    // Every node of every cluster reads it; nobody writes to it.
    finalMode: 0o444,
  };
  const trusted = options.acceptChanges ? undefined : pin;

  const find = async (disk: DiskFile) => {
    const probed = await probeDisk(disk, description.path, how);
    for (const { path, sizeBytes } of probed) {
      const pinned = pinnedFileOf(trusted, path);
      if (trusted !== undefined && pinned !== undefined && pinned.sizeBytes !== sizeBytes) {
        throw errorOfChange(trusted, `${path} has ${sizeBytes} bytes instead of ${pinned.sizeBytes}`);
      }
    }
    const cached = pin && (await findCachedDisk(disk, probed, pin, finalFileOf));
    if (cached === undefined) for (const { sizeBytes } of probed) transfer.expect(sizeBytes);
    return async () => cached ?? fetchDisk(disk, probed, trusted, how);
  };
  const { frontend, compute } = description.cluster;
  const fetchFrontend = await find(frontend.disk);
  const ownDisk = options.computes > 0 && compute?.disk !== undefined && !isSameDisk(compute.disk, frontend.disk);
  return ownDisk ? [fetchFrontend, await find(compute.disk)] : [fetchFrontend];
}

function differenceOfDescription({ description: pinned }: Pin, found: LegacyDescription): string | undefined {
  if (pinned.path !== found.path) return `its description lies at ${found.path} instead of ${pinned.path}`;
  return pinned.sha256 === found.sha256 ? undefined : 'its description has other content';
}

function isSameDisk(a: DiskFile, b: DiskFile): boolean {
  return a.type === b.type && a.parts.join('\n') === b.parts.join('\n');
}

/** Later things take the place of earlier ones with the same key. */
function mergeBy<T>(keyOf: (thing: T) => string, earlier: readonly T[], later: readonly T[]): T[] {
  return [...new Map([...earlier, ...later].map((thing) => [keyOf(thing), thing])).values()];
}
