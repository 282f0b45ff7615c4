/**
 * What it costs that a part is a row of frames of 256 KiB, instead of one frame: size, and CPU time to decode with the agent's own
 * decoder. On every eighth part of the disk that has data.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { FRAME_SIZE_BYTES, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { openDisk } from '../../../cli/publish/open-disk.ts';
import { createFrameDecoder, type FrameDecoder } from '../../../edge-agent/transfer/frame-decoder.ts';
import type { Work } from './surroundings.ts';

/** With frames / as one. */
export interface FrameSizeCost {
  readonly sizeRatio: number;
  readonly decodeRatio: number;
}

const EVERY = 8;
/** As the parts are packed. */
const ZSTD_LEVEL = 3;

interface Packed {
  readonly frames: readonly { readonly bytes: Buffer; readonly rawSizeBytes: number }[];
}

export const frameSizeCost: Work<FrameSizeCost> = async ({ images }) => {
  const parts = await sampleParts(images.normal.file);
  const small = parts.map((raw) => pack(raw, FRAME_SIZE_BYTES));
  const whole = parts.map((raw) => pack(raw, PART_SIZE_BYTES));
  const decoders = { small: createFrameDecoder(FRAME_SIZE_BYTES), whole: createFrameDecoder(PART_SIZE_BYTES) };
  // The first time counts for neither: the code is still being compiled.
  decodeSeconds(decoders.small, small);
  decodeSeconds(decoders.whole, whole);
  return {
    sizeRatio: sizeOf(small) / sizeOf(whole),
    decodeRatio: decodeSeconds(decoders.small, small) / decodeSeconds(decoders.whole, whole),
  };
};

async function sampleParts(file: string): Promise<readonly Buffer[]> {
  const { handle, sizeBytes } = await openDisk(file);
  try {
    const parts: Buffer[] = [];
    for (let at = 0; at < sizeBytes; at += EVERY * PART_SIZE_BYTES) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(PART_SIZE_BYTES), 0, PART_SIZE_BYTES, at);
      const raw = buffer.subarray(0, bytesRead);
      if (raw.some((byte) => byte !== 0)) parts.push(raw);
    }
    return parts;
  } finally {
    await handle.close();
  }
}

function pack(raw: Buffer, frameSizeBytes: number): Packed {
  const frames = [];
  for (let at = 0; at < raw.length; at += frameSizeBytes) {
    const frame = raw.subarray(at, at + frameSizeBytes);
    const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
    const bytes = zstdCompressSync(frame, { params, pledgedSrcSize: frame.length });
    frames.push({ bytes, rawSizeBytes: frame.length });
  }
  return { frames };
}

const sizeOf = (parts: readonly Packed[]): number =>
  parts.reduce((sum, { frames }) => frames.reduce((within, { bytes }) => within + bytes.length, sum), 0);

function decodeSeconds(decoder: FrameDecoder, parts: readonly Packed[]): number {
  const before = process.cpuUsage();
  for (const { bytes, rawSizeBytes } of parts.flatMap(({ frames }) => frames)) {
    if (decoder.decode(bytes, rawSizeBytes) === undefined) throw new Error('a frame does not decode');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
