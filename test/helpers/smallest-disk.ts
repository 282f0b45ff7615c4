/** The smallest raw disk that publishing takes: one partition, with the mark of an ext file system. */
import { writeFile } from 'node:fs/promises';

const MIB = 1024 * 1024;

export async function makeSmallestDisk(file: string): Promise<void> {
  const disk = Buffer.alloc(2 * MIB);
  disk.writeUInt8(0x83, 446 + 4);
  disk.writeUInt32LE(MIB / 512, 446 + 8);
  disk.writeUInt32LE(MIB / 512, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  disk.writeUInt16LE(0xef53, MIB + 1024 + 56);
  await writeFile(file, disk);
}
