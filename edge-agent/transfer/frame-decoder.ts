/**
 * Decompresses zstd frames into one buffer that is used again and again. Allocating an output buffer for each frame is what limits
 * Node here, and its public API always does. So this uses zlib's own handle, which is not documented: a self-test at start tries
 * it, and the public API serves where it does not behave as expected.
 */
import { constants, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { isOneWholeFrame } from './zstd-frame.ts';

/** A publisher's frame holds 256 KiB; a larger window than 2 MiB is an attack on our memory. */
const MAX_WINDOW_LOG = 21;

export interface FrameDecoder {
  /**
   * The raw bytes, exactly `rawSizeBytes` of them; valid until the next call. `undefined` when the frame is damaged, or decodes to
   * any other size: never more than `rawSizeBytes` + 1 bytes are produced.
   */
  decode(frame: Uint8Array, rawSizeBytes: number): Buffer | undefined;
}

/** @param maxRawBytes largest frame that will be decoded */
export function createFrameDecoder(maxRawBytes: number): FrameDecoder {
  const reusing = createReusingDecoder(maxRawBytes);
  return reusing !== undefined && passesSelfTest(reusing, maxRawBytes) ? reusing : createAllocatingDecoder();
}

/** By the documented API, with a buffer of its own for each frame: about a third slower. */
export function createAllocatingDecoder(): FrameDecoder {
  return {
    decode(frame, rawSizeBytes) {
      try {
        const raw = zstdDecompressSync(frame, {
          maxOutputLength: rawSizeBytes,
          params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
        });
        return raw.length === rawSizeBytes ? raw : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** What is used of the stream's inner parts: src/node_zlib.cc, class ZstdDecompressContext. */
interface ZstdHandle {
  onerror: (message: string, errno: number, code: string) => void;
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
}

/** `undefined` where the stream has no such parts. */
function createReusingDecoder(maxRawBytes: number): FrameDecoder | undefined {
  let stream = openZstdStream();
  if (stream === undefined) return undefined;
  const output = Buffer.allocUnsafeSlow(maxRawBytes + 1);
  return {
    decode(frame, rawSizeBytes) {
      stream ??= openZstdStream();
      if (stream === undefined) return undefined;
      if (decompress(stream, frame, output, rawSizeBytes)) {
        // To reset it makes a new context, with new memory. After a whole frame it expects the next one.
        if (!isOneWholeFrame(frame)) stream.handle.reset();
        return output.subarray(0, rawSizeBytes);
      }
      // A stream that has failed once goes on failing, whatever it is reset to.
      stream.close();
      stream = undefined;
      return undefined;
    },
  };
}

/** Whether the frame, all of it, gave exactly `rawSizeBytes`. There is room in `output` for one byte more, to tell. */
function decompress(stream: ZstdStream, frame: Uint8Array, output: Buffer, rawSizeBytes: number): boolean {
  const { handle, writeState } = stream;
  let inputLeft = frame.length;
  let outputLeft = rawSizeBytes + 1;
  // Frames that do not tell their size, as other programs write them, may take several steps.
  for (;;) {
    const inputAt = frame.length - inputLeft;
    const outputAt = rawSizeBytes + 1 - outputLeft;
    handle.writeSync(constants.ZSTD_e_end, frame, inputAt, inputLeft, output, outputAt, outputLeft);
    const [stillFree = 0, notTaken = 0] = writeState;
    const isStuck = stillFree === outputLeft && notTaken === inputLeft;
    outputLeft = stillFree;
    inputLeft = notTaken;
    if (stream.failed || outputLeft === 0) return false;
    if (inputLeft === 0) return outputLeft === 1;
    if (isStuck) return false;
  }
}

interface ZstdStream {
  readonly handle: ZstdHandle;
  /** After a write: output bytes still free, input bytes not taken. */
  readonly writeState: Uint32Array;
  failed: boolean;
  close(): void;
}

function openZstdStream(): ZstdStream | undefined {
  const stream = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } });
  const inner = stream as unknown as { _handle?: Partial<ZstdHandle>; _writeState?: unknown };
  const { _handle: handle, _writeState: writeState } = inner;
  if (!isZstdHandle(handle) || !(writeState instanceof Uint32Array)) return undefined;
  const opened: ZstdStream = { handle, writeState, failed: false, close: () => stream.destroy() };
  handle.onerror = () => {
    opened.failed = true;
  };
  return opened;
}

function isZstdHandle(handle: Partial<ZstdHandle> | undefined): handle is ZstdHandle {
  return typeof handle?.writeSync === 'function' && typeof handle.reset === 'function';
}

/** Good frames decode, again and again; damaged, cut, trailing and too large ones are refused, and do no harm to the next. */
function passesSelfTest(decoder: FrameDecoder, maxRawBytes: number): boolean {
  const raw = Buffer.alloc(Math.min(maxRawBytes, 4096), 'edgeboot');
  const frame = zstdCompressSync(raw);
  const damaged = Buffer.from(frame).fill(0xff, 0, 4);
  const isGood = (): boolean => decoder.decode(frame, raw.length)?.equals(raw) === true;
  try {
    return (
      isGood() &&
      isGood() &&
      decoder.decode(damaged, raw.length) === undefined &&
      isGood() &&
      decoder.decode(frame.subarray(0, -1), raw.length) === undefined &&
      decoder.decode(Buffer.concat([frame, Buffer.from('x')]), raw.length) === undefined &&
      decoder.decode(frame, raw.length - 1) === undefined &&
      isGood()
    );
  } catch {
    return false;
  }
}
