/** Inflates a row of gzip members into the disk: its blocks are fetched side by side, and used one after another. */
import type { DiskWorkers } from '../transfer/disk-workers.ts';
import { eachOf } from '../transfer/each-of.ts';
import type { PartialDisk } from '../transfer/partial-disk.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { AssemblyNotes } from './assembly-notes.ts';
import { placesOf } from './places.ts';
import type { RemoteFile } from './remote-file.ts';

export interface StreamOfDisk {
  /** One compressed row, in order. */
  readonly files: readonly RemoteFile[];
  /** How the notes call the stream, and which lane of theirs it has. */
  readonly file: number;
  readonly lane: number;
  /** Where it begins in the disk, and where it must not go on. */
  readonly offsetBytes: number;
  readonly endBytes: number;
  /** Blocks begun at once. */
  readonly ahead: number;
}

export interface InflateOptions {
  readonly disk: PartialDisk;
  readonly notes: AssemblyNotes;
  readonly flow: TransferFlow;
  readonly workers: DiskWorkers;
  /** The disk's first bytes are there. */
  readonly onBeginning: (disk: PartialDisk, writtenBytes: number) => Promise<void>;
  readonly onWritten: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The state of an inflater is noted after so many blocks. */
const NOTED_BLOCKS = 4;

/**
 * @returns where its content ends in the disk. Throws PART_CORRUPT where it is no row of whole members and nothing else, or goes on too
 * long; IMAGE_NOT_COMPLIANT beyond the largest disk; DISK_FULL, and what fetching throws. When it rejects, nothing is under way.
 */
export async function inflateStream(stream: StreamOfDisk, options: InflateOptions): Promise<number> {
  const { notes, workers, disk, flow, signal, onBeginning, onWritten } = options;
  const { lane, file: streamFile, endBytes } = stream;
  const earlier = notes.streamOf(streamFile);
  await using inflating = workers.openStream(earlier?.state);
  const fileDescriptor = disk.handle.fd;
  let previous = Promise.resolve(earlier?.offsetBytes ?? stream.offsetBytes);
  const places = [...placesOf(stream.files)].map((place, i) => ({ ...place, i })).slice(earlier?.nextBlock ?? 0);

  await eachOf(places, stream.ahead, signal, async ({ i, file, number }, stop) => {
    const before = previous;
    const wantsState = (i + 1) % NOTED_BLOCKS === 0;
    const use = async (): Promise<number> => {
      let offsetBytes = 0;
      const done = await file.useBlock(number, flow, stop, async (bytes, expectedSha256) => {
        offsetBytes = await before;
        return inflating.feed({ fileDescriptor, bytes, offsetBytes, endBytes, expectedSha256, wantsState });
      });
      const end = offsetBytes + done.producedBytes;
      if (offsetBytes === 0 && end > 0) await onBeginning(disk, end);
      notes.noteBlock(file.firstBlock + number, done.sha256, done.producedBytes);
      if (done.state !== undefined) {
        notes.noteStream(lane, { file: streamFile, nextBlock: i + 1, offsetBytes: end, state: done.state });
      }
      await onWritten(done.producedBytes);
      return end;
    };
    previous = use();
    // Its failure is told to whoever waits for it, and by eachOf().
    previous.catch(() => undefined);
    await previous;
  });
  await inflating.end();
  return await previous;
}
