/** Puts a disk of the older kinds together into a folder, from a source. */
import { join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { assembleDisk } from '../../edge-agent/legacy-image/assemble-disk.ts';
import { AssemblyNotes } from '../../edge-agent/legacy-image/assembly-notes.ts';
import { probeFile, RemoteFile } from '../../edge-agent/legacy-image/remote-file.ts';
import type { PartSource } from '../../edge-agent/ports.ts';
import { DiskWorkers } from '../../edge-agent/transfer/disk-workers.ts';
import { PartialDisk } from '../../edge-agent/transfer/partial-disk.ts';
import { flowOf } from './flow.ts';

export interface AssembleWish {
  readonly type: DiskFileType;
  readonly paths: readonly string[];
  readonly source: PartSource;
  readonly connections?: number;
  readonly signal: AbortSignal;
  readonly onWritten?: (bytes: number) => void;
}

export interface AssembledDisk {
  /** Open until the caller's work is done. */
  readonly disk: PartialDisk;
  readonly sizeBytes: number;
  /** How often it was begun. */
  readonly attempts: number;
}

/** @param workers shared by many calls, where there are many */
export async function assembleInto<T>(
  folder: string,
  { type, paths, source, connections = 4, signal, onWritten }: AssembleWish,
  look: (assembled: AssembledDisk) => Promise<T>,
  workers?: DiskWorkers,
): Promise<T> {
  await using undo = new AsyncDisposableStack();
  const probed = await Promise.all(paths.map((path) => probeFile(source, path, signal)));
  const counts = probed.map(({ sizeBytes }) => RemoteFile.countBlocks(sizeBytes));
  const blockCount = counts.reduce((sum, count) => sum + count, 0);
  const journalBytes = AssemblyNotes.journalBytes(probed.length, blockCount);
  const options = {
    file: join(folder, 'partial'),
    identity: paths.join(),
    journalBytes,
    sizeBytes: undefined,
    sync: false,
  };
  const disk = undo.use(await PartialDisk.open(options));
  const notes = new AssemblyNotes(disk, probed.length, blockCount);
  const files = probed.map(
    (file, i) =>
      new RemoteFile(file, {
        ...{ source, pinnedSha256: undefined, onFetched: () => undefined },
        firstBlock: counts.slice(0, i).reduce((sum, count) => sum + count, 0),
        digestOf: (block) => notes.digestOf(block),
        errorOfChange: (what) => new EdgebootError('MANIFEST_UNTRUSTED', what),
      }),
  );
  let attempts = 1;
  const sizeBytes = await assembleDisk({
    ...{ type, files, disk, notes, flow: flowOf(connections), signal },
    workers: workers ?? undo.use(new DiskWorkers(2)),
    onStartAnew: () => {
      attempts++;
    },
    onWritten: (bytes) => {
      onWritten?.(bytes);
      return Promise.resolve();
    },
  });
  return await look({ disk, sizeBytes, attempts });
}
