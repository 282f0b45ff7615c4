/** lseek, which Node does not offer: finds the holes of a sparse file without reading them, and the end of a block device. */
import koffi from 'koffi';

const SEEK_END = 2;
const SEEK_DATA = 3;

/** Offset of the first byte at or after `offsetBytes` that may hold data; `undefined` when only a hole follows. */
export type DataSeeker = (offsetBytes: number) => number | undefined;

/** Where the C library or the file system cannot tell, every byte may hold data: slower, never wrong. */
export function createDataSeeker(fileDescriptor: number): DataSeeker {
  const lseek = loadLseek();
  if (lseek === undefined) return (offsetBytes) => offsetBytes;
  return (offsetBytes) => {
    const found = lseek(fileDescriptor, offsetBytes, SEEK_DATA);
    if (found >= 0) return found;
    return koffi.errno() === koffi.os.errno['ENXIO'] ? undefined : offsetBytes;
  };
}

/** Size of a file or block device; `undefined` where the C library cannot tell. */
export function seekEnd(fileDescriptor: number): number | undefined {
  const sizeBytes = loadLseek()?.(fileDescriptor, 0, SEEK_END) ?? -1;
  return sizeBytes < 0 ? undefined : sizeBytes;
}

function loadLseek(): ((fileDescriptor: number, offsetBytes: number, whence: number) => number) | undefined {
  try {
    return koffi.load('libc.so.6').func('int64_t lseek64(int, int64_t, int)') as (
      fileDescriptor: number,
      offsetBytes: number,
      whence: number,
    ) => number;
  } catch {
    return undefined;
  }
}
