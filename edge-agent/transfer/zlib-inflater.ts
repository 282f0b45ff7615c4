/** Inflating by Node's zlib, by its documented interface. */
import { createGunzip } from 'node:zlib';
import { finished } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { corruptGzip, type Inflater } from './inflater.ts';

const CHUNK_BYTES = 1024 * 1024;

const ERRORS: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: 'is damaged',
  Z_BUF_ERROR: 'ends too early',
  Z_NEED_DICT: 'needs a dictionary',
  // zlib has reached the end, and more comes.
  ERR_STREAM_PREMATURE_CLOSE: 'has bytes after its end',
  ERR_STREAM_PUSH_AFTER_EOF: 'has bytes after its end',
  ERR_STREAM_WRITE_AFTER_END: 'has bytes after its end',
  ERR_STREAM_DESTROYED: 'has bytes after its end',
};

export function createZlibInflater(): Inflater {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  let write: (raw: Buffer) => void = () => undefined;
  let fedBytes = 0;
  let failure: Error | undefined;
  gunzip.on('data', (raw: Buffer) => {
    if (failure !== undefined) return;
    try {
      write(raw);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
  });
  const whole = finished(gunzip);
  whole.catch(() => undefined);

  return {
    async feed(piece, take) {
      write = take;
      fedBytes += piece.length;
      const isTaken = new Promise<void>((resolve, reject) => {
        gunzip.write(piece, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
      await Promise.race([isTaken, failureOf(whole)]).catch((error: unknown) => {
        throw asCorrupt(error);
      });
      // What came of the piece is handed out after it was taken.
      while (gunzip.readableLength > 0 && failure === undefined) await nextTurn();
      if (failure !== undefined) throw failure;
    },
    async end() {
      gunzip.end();
      await whole.catch((error: unknown) => {
        throw asCorrupt(error);
      });
      // zlib ends quietly where something else than a member follows one.
      if (gunzip.bytesWritten !== fedBytes) throw corruptGzip('has bytes after its end');
    },
    state: () => undefined,
  };
}

/** Rejects when it does, and never resolves. */
function failureOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject);
  });
}

function asCorrupt(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const what = Object.hasOwn(ERRORS, code) ? ERRORS[code] : undefined;
  return what === undefined ? error : corruptGzip(what, error);
}
