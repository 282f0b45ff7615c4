/** `fetch --parts FILE`: a line of JSON for every answer, written as it comes, so that an image of any size costs no memory. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { asDiskError } from '../disk-errors.ts';
import type { FetchRecord } from '../repositories/recording.ts';

export interface PartsFile extends Disposable {
  /** Throws DISK_FULL, another error of the file system. */
  readonly record: (fetched: FetchRecord) => void;
}

/** Lines are added to a file that is there: a fetch that goes on goes on with its record. Throws USAGE. */
export function openPartsFile(file: string): PartsFile {
  const fileDescriptor = open(file);
  return {
    record: (fetched) => {
      try {
        writeSync(fileDescriptor, `${JSON.stringify(fetched)}\n`);
      } catch (error) {
        throw asDiskError(error);
      }
    },
    [Symbol.dispose]: () => closeSync(fileDescriptor),
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'a', 0o644);
  } catch (error) {
    throw new EdgebootError('USAGE', `cannot write the record of parts: ${messageOf(error)}`);
  }
}
