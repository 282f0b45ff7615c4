/** Looks at whole disks: where they have data, and whether two are the same. Holes are not read. */
import { dataBlocks } from '../../../cli/pack/disk-data.ts';
import { type OpenedDisk, openDisk } from '../../../cli/publish/open-disk.ts';

export const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** By block of 4 KiB: 1 where it is not all zero. */
export function findData(file: string): Promise<Uint8Array> {
  return withDisk(file, async (disk) => {
    const hasData = new Uint8Array(Math.ceil(disk.sizeBytes / BLOCK_BYTES));
    for await (const { offsetBytes, bytes } of dataBlocks(disk, 0, disk.sizeBytes)) {
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        const block = bytes.subarray(at, at + BLOCK_BYTES);
        if (!block.equals(ZEROS.subarray(0, block.length))) hasData[(offsetBytes + at) / BLOCK_BYTES] = 1;
      }
    }
    return hasData;
  });
}

/** Bytes of all blocks of 4 KiB that are not all zero. */
export async function countNonZeroBytes(file: string): Promise<number> {
  return (await findData(file)).reduce((sum, has) => sum + has * BLOCK_BYTES, 0);
}

/** Throws where one of them differs in size or in any byte. */
export function requireSameContent(file: string, otherFile: string): Promise<void> {
  return withDisk(file, (disk) =>
    withDisk(otherFile, async (other) => {
      if (disk.sizeBytes !== other.sizeBytes) {
        throw new Error(`${otherFile} has ${other.sizeBytes} bytes, ${file} has ${disk.sizeBytes}`);
      }
      await requireDataOf(disk, other);
      await requireDataOf(other, disk);
    }),
  );
}

async function withDisk<T>(file: string, look: (disk: OpenedDisk) => Promise<T>): Promise<T> {
  const disk = await openDisk(file);
  try {
    return await look(disk);
  } finally {
    await disk.handle.close();
  }
}

async function requireDataOf(disk: OpenedDisk, other: OpenedDisk): Promise<void> {
  let there = Buffer.alloc(0);
  for await (const { offsetBytes, bytes } of dataBlocks(disk, 0, disk.sizeBytes)) {
    if (there.length < bytes.length) there = Buffer.alloc(bytes.length);
    await other.handle.read(there, 0, bytes.length, offsetBytes);
    if (bytes.compare(there, 0, bytes.length) !== 0) {
      throw new Error(`${disk.file} and ${other.file} differ within the mebibyte from byte ${offsetBytes} on`);
    }
  }
}
