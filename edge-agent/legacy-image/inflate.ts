/** gunzip: a row of gzip members as they come, checked by zlib against the CRC and the length in each member's trailer. */
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { EdgebootError } from '#shared/errors.ts';
import { blocksInOrder } from './blocks-in-order.ts';
import type { RemoteFile } from './remote-file.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface InflateOptions {
  /** One compressed row, in order. */
  readonly files: readonly RemoteFile[];
  /** Blocks fetched, or waiting, at once. */
  readonly ahead: number;
  /** Takes what comes out, in order. */
  readonly write: (raw: Buffer) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Resolves when all was inflated and written; when it rejects, nothing is fetched or written any more. Throws PART_CORRUPT where the
 * bytes are no row of whole members and nothing else, and what fetching and `write` throw.
 */
export async function inflate({ files, ahead, write, signal }: InflateOptions): Promise<void> {
  const left = new AbortController();
  const stop = AbortSignal.any([signal, left.signal]);
  const blocks = blocksInOrder(files, ahead, stop);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  let fedBytes = 0;
  let writing = Promise.resolve();
  try {
    await pipeline(
      async function* () {
        for await (const block of blocks) {
          fedBytes += block.length;
          yield block;
        }
      },
      gunzip,
      async (raws: AsyncIterable<Buffer>) => {
        for await (const raw of raws) {
          writing = write(raw);
          await writing;
        }
      },
      { signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw asCorrupt(error);
  } finally {
    left.abort(new EdgebootError('CANCELED', 'The transfer was stopped.'));
    await blocks.return(undefined);
    await writing.catch(() => undefined);
  }
  // Zeros after the last member would pass for its end.
  if (gunzip.bytesWritten !== fedBytes) throw corrupt('has bytes after its end');
}

const ERRORS: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: 'is damaged',
  Z_BUF_ERROR: 'ends too early',
  Z_NEED_DICT: 'needs a dictionary',
  // zlib has reached the end, and more comes.
  ERR_STREAM_PREMATURE_CLOSE: 'has bytes after its end',
  ERR_STREAM_PUSH_AFTER_EOF: 'has bytes after its end',
};

function asCorrupt(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const what = Object.hasOwn(ERRORS, code) ? ERRORS[code] : undefined;
  return what === undefined ? error : corrupt(what, error);
}

function corrupt(what: string, cause?: unknown): EdgebootError {
  return new EdgebootError('PART_CORRUPT', `The compressed disk ${what}.`, {
    remedy: 'Ask whoever maintains the repository to put the image there again.',
    cause,
  });
}
