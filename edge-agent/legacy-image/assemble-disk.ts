/** Puts a disk together from its parts: the four types of the original (formats, section 2), byte for byte. */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { placesOf } from './blocks-in-order.ts';
import type { DiskWriter } from './disk-writer.ts';
import { eachOf } from '../transfer/each-of.ts';
import { HEADER_BYTES, looksLikeMember, presumeOffsets } from './gzip-member.ts';
import { inflate } from './inflate.ts';
import { MAX_DISK_BYTES, type RemoteFile } from './remote-file.ts';

export interface AssembleOptions {
  readonly type: DiskFileType;
  /** In order. */
  readonly files: readonly RemoteFile[];
  readonly writer: DiskWriter;
  /** Requests in flight at once; twice as many blocks are in memory at most. */
  readonly connections: number;
  /** Everything is fetched once more. */
  readonly onStartAnew: () => void;
  readonly signal: AbortSignal;
}

/** More at once would only compete for the threads that inflate. */
const MOST_PARTS_AT_ONCE = 8;

/**
 * @returns the size of the raw disk. Throws PART_CORRUPT, IMAGE_NOT_COMPLIANT (larger than the largest disk), DISK_FULL, and what
 * fetching a block throws. When it rejects, nothing is fetched or written any more.
 */
export async function assembleDisk(options: AssembleOptions): Promise<number> {
  const sizeBytes = await putTogether(options);
  await options.writer.setSize(sizeBytes);
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
        await options.writer.startAnew();
        options.onStartAnew();
      }
    }
  }
  return inflateInOrder(options);
}

async function concatenate({ files, writer, connections, signal }: AssembleOptions): Promise<number> {
  const sizeBytes = files.reduce((sum, { probed }) => sum + probed.sizeBytes, 0);
  if (sizeBytes > MAX_DISK_BYTES) {
    throw new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk has ${sizeBytes} bytes, more than ${MAX_DISK_BYTES}.`);
  }
  await eachOf(placesOf(files), connections, signal, async ({ file, number, offsetBytes }, stop) => {
    await writer.write(await file.fetchBlock(number, stop), offsetBytes);
  });
  return sizeBytes;
}

/** `cat parts | gunzip`: right for whatever gunzip takes. */
async function inflateInOrder({ files, writer, connections, signal }: AssembleOptions): Promise<number> {
  let offsetBytes = 0;
  const write = async (raw: Buffer): Promise<void> => {
    await writer.write(raw, offsetBytes);
    offsetBytes += raw.length;
  };
  await inflate({ files, ahead: connections, write, signal });
  return offsetBytes;
}

/** Pieces of one stream begin anywhere in it, and look like a member once in 2^27 times: one of them tells. */
async function secondLooksIndependent({ files, signal }: AssembleOptions): Promise<boolean> {
  const head = await files[1]?.fetchHead(HEADER_BYTES, signal);
  return head !== undefined && looksLikeMember(head);
}

/** All at once, each to its own place. Throws PART_CORRUPT where a part is not what was presumed. */
async function inflateParts(options: AssembleOptions, offsets: readonly number[]): Promise<number> {
  const { files, writer, connections, signal } = options;
  const sizeBytes = offsets.at(-1) ?? 0;
  const atOnce = Math.min(files.length, connections, MOST_PARTS_AT_ONCE);
  const ahead = Math.ceil(connections / atOnce);
  await eachOf(files.entries(), atOnce, signal, async ([i, file], stop) => {
    const end = offsets[i + 1] ?? 0;
    let offsetBytes = offsets[i] ?? 0;
    const write = async (raw: Buffer): Promise<void> => {
      if (offsetBytes + raw.length > end) throw notAsPresumed(file);
      await writer.write(raw, offsetBytes);
      offsetBytes += raw.length;
    };
    await inflate({ files: [file], ahead, write, signal: stop });
    if (offsetBytes !== end) throw notAsPresumed(file);
  });
  return sizeBytes;
}

function notAsPresumed({ probed }: RemoteFile): EdgebootError {
  return new EdgebootError('PART_CORRUPT', `${probed.path} does not inflate to the length that its end says.`);
}
