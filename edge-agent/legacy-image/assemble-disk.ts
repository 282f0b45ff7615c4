/** Puts a disk together from its parts: the four types of the original (formats, section 2), byte for byte. */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { identifyContainer } from '#shared/image/disk-content.ts';
import { MAX_DISK_BYTES } from '#shared/image/part-layout.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import type { DiskWorkers } from '../transfer/disk-workers.ts';
import { eachOf } from '../transfer/each-of.ts';
import type { PartialDisk } from '../transfer/partial-disk.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import { ALL_FILES, type AssemblyNotes, LANES } from './assembly-notes.ts';
import { HEADER_BYTES, looksLikeMember, presumeOffsets } from './gzip-member.ts';
import { inflateStream } from './inflate-stream.ts';
import { placesOf } from './places.ts';
import type { RemoteFile } from './remote-file.ts';

export interface AssembleOptions {
  readonly type: DiskFileType;
  /** In order. */
  readonly files: readonly RemoteFile[];
  readonly disk: PartialDisk;
  readonly notes: AssemblyNotes;
  readonly flow: TransferFlow;
  readonly workers: DiskWorkers;
  /** Told how many bytes of the disk came of a block. Throws DISK_FULL. */
  readonly onWritten: (bytes: number) => Promise<void>;
  /** Everything is fetched once more. */
  readonly onStartAnew: () => void;
  readonly signal: AbortSignal;
}

/** Blocks begun at once: the flow lets as many of them through as help. */
const MOST_AT_ONCE = 64;

/**
 * @returns the size of the raw disk. Throws PART_CORRUPT, IMAGE_NOT_COMPLIANT (larger than the largest disk, another format), DISK_FULL,
 * and what fetching a block throws. When it rejects, nothing is fetched or written any more.
 */
export async function assembleDisk(options: AssembleOptions): Promise<number> {
  const sizeBytes = await putTogether(options);
  await options.disk.setSize(sizeBytes);
  return sizeBytes;
}

async function putTogether(options: AssembleOptions): Promise<number> {
  const { type } = options;
  if (type === 'raw' || type === 'splited') return concatenate(options);
  if (type === 'splited_gzip' && options.files.length > 1) {
    const offsets = presumeOffsets(options.files.map(({ probed }) => probed));
    if (offsets !== undefined && (await secondLooksIndependent(options))) {
      try {
        return await inflateParts(options, offsets);
      } catch (error) {
        if (!hasCode(error, 'PART_CORRUPT')) throw error;
        // A stream cut in pieces that look like members, several members in a part, a length that has wrapped: in order, all of them
        // come out right. And if it is damaged, that shows there.
        await options.disk.startAnew();
        options.onStartAnew();
      }
    }
  }
  return inflateInOrder(options);
}

async function concatenate({ files, disk, notes, flow, workers, onWritten, signal }: AssembleOptions): Promise<number> {
  const sizeBytes = files.reduce((sum, { probed }) => sum + probed.sizeBytes, 0);
  if (sizeBytes > MAX_DISK_BYTES) {
    throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk has ${sizeBytes} bytes, more than ${MAX_DISK_BYTES}.`);
  }
  await eachOf(placesOf(files), MOST_AT_ONCE, signal, async ({ file, number, offsetBytes }, stop) => {
    const block = file.firstBlock + number;
    if (notes.digestOf(block) !== undefined) return;
    const fileDescriptor = disk.handle.fd;
    const done = await file.useBlock(number, flow, stop, (bytes, expectedSha256) =>
      workers.writeBlock({ fileDescriptor, bytes, offsetBytes, expectedSha256 }),
    );
    const writtenBytes = file.sizeOfBlock(number);
    if (offsetBytes === 0) await requireRaw(disk, writtenBytes);
    notes.noteBlock(block, done.sha256, writtenBytes);
    await onWritten(writtenBytes);
  });
  return sizeBytes;
}

/** `cat parts | gunzip`: right for whatever gunzip takes. */
async function inflateInOrder(options: AssembleOptions): Promise<number> {
  const { files } = options;
  const endBytes = MAX_DISK_BYTES;
  const stream = { files, file: ALL_FILES, lane: 0, offsetBytes: 0, endBytes, ahead: MOST_AT_ONCE };
  return inflateStream(stream, { ...options, onBeginning: requireRaw });
}

/** Pieces of one stream begin anywhere in it, and look like a member once in 2^27 times: one of them tells. */
async function secondLooksIndependent({ files, signal }: AssembleOptions): Promise<boolean> {
  const head = await files[1]?.fetchHead(HEADER_BYTES, signal);
  return head !== undefined && looksLikeMember(head);
}

/** All at once, each to its own place. Throws PART_CORRUPT where a part is not what was presumed. */
async function inflateParts(options: AssembleOptions, offsets: readonly number[]): Promise<number> {
  const { files, notes, signal } = options;
  const lanes = Array.from({ length: Math.min(files.length, LANES) }, (_, lane) => lane);
  const ahead = Math.ceil(MOST_AT_ONCE / lanes.length);
  await eachOf(files.entries(), lanes.length, signal, async ([number, file], stop) => {
    if (notes.isFileDone(number)) return;
    const lane = lanes.pop() ?? 0;
    const endBytes = offsets[number + 1] ?? 0;
    const stream = { files: [file], file: number, lane, offsetBytes: offsets[number] ?? 0, endBytes, ahead };
    const end = await inflateStream(stream, { ...options, onBeginning: requireRaw, signal: stop });
    if (end !== endBytes) {
      const { path } = file.probed;
      throw new EdgebootError('PART_CORRUPT', `${path} does not inflate to the length that its end says.`);
    }
    notes.noteFile(number);
    lanes.push(lane);
  });
  return offsets.at(-1) ?? 0;
}

/** The earliest moment to see that it is no raw disk: the rest need not be fetched. */
async function requireRaw(disk: PartialDisk, writtenBytes: number): Promise<void> {
  const container = await identifyContainer(disk.read, writtenBytes);
  if (container === undefined) return;
  throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk is ${container}, not a raw disk.`);
}
