/** The blocks of some files, one after another. */
import { BLOCK_BYTES, type RemoteFile } from './remote-file.ts';

interface BlockPlace {
  readonly file: RemoteFile;
  readonly number: number;
  /** Where the block lies when the files are put together. */
  readonly offsetBytes: number;
}

export function* placesOf(files: readonly RemoteFile[]): Generator<BlockPlace, undefined> {
  let start = 0;
  for (const file of files) {
    for (let number = 0; number < file.blockCount; number++) {
      yield { file, number, offsetBytes: start + number * BLOCK_BYTES };
    }
    start += file.probed.sizeBytes;
  }
  return undefined;
}

/**
 * Fetches ahead of the use. Who leaves it early aborts the signal first: the requests under way have then come to rest when it has
 * returned.
 * @param ahead blocks that are fetched, or wait to be used, at once: the bound of the memory.
 */
export async function* blocksInOrder(
  files: readonly RemoteFile[],
  ahead: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, undefined> {
  const places = placesOf(files);
  const coming: Promise<Buffer>[] = [];
  const fill = (): void => {
    while (coming.length < ahead) {
      const next = places.next();
      if (next.done === true) return;
      const block = next.value.file.fetchBlock(next.value.number, signal);
      // Its failure is told when its turn comes.
      block.catch(() => undefined);
      coming.push(block);
    }
  };
  try {
    for (;;) {
      fill();
      const [first] = coming;
      if (first === undefined) return undefined;
      yield await first;
      void coming.shift();
    }
  } finally {
    await Promise.allSettled(coming);
  }
}
