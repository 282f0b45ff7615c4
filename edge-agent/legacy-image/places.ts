/** The blocks of some files, one after another. */
import { BLOCK_BYTES, type RemoteFile } from './remote-file.ts';

export interface BlockPlace {
  readonly file: RemoteFile;
  /** Within its file. */
  readonly number: number;
  /** Where the block lies when the files are put together as they are. */
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
