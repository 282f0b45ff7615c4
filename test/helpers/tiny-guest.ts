/** A guest of 512 bytes, for tests that only need a domain: it says READY on the serial port with every tick of its clock. */
import { truncate, writeFile } from 'node:fs/promises';

const CODE = [
  ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // xor ax, ax; mov ds, ax; cld
  ...[0xbe, 0x17, 0x7c, 0xba, 0xf8, 0x03], // again: mov si, text; mov dx, 0x3f8
  ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8], // next: lodsb; test al, al; jz wait; out dx, al; jmp next
  ...[0xfb, 0xf4, 0xeb, 0xee], // wait: sti; hlt; jmp again
];
const DISK_SIZE_BYTES = 1024 * 1024;

/** Makes the guest's raw disk. */
export async function writeTinyGuest(diskFile: string): Promise<void> {
  const sector = Buffer.alloc(512);
  Buffer.from([...CODE, ...Buffer.from('READY\n\0')]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  await writeFile(diskFile, sector, { mode: 0o644 });
  await truncate(diskFile, DISK_SIZE_BYTES);
}
