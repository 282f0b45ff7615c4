/** A guest of 512 bytes, for tests that only need a domain: it says READY on the serial port with every tick of its clock. */
import { truncate, writeFile } from 'node:fs/promises';

const START = [0x31, 0xc0, 0x8e, 0xd8, 0xfc]; // xor ax, ax; mov ds, ax; cld
/** Ports of the chipset's power management, as SeaBIOS places them: status, enable, control. */
const ENABLE_BUTTON = [0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef]; // mov dx, 0x602; mov ax, 0x100; out dx, ax
const SAY = [0xba, 0xf8, 0x03, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8]; // mov dx, 0x3f8; next: lodsb; …; jmp next
const OBEY_BUTTON = [
  ...[0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0x07], // mov dx, 0x600; in ax, dx; test ah, 1; jz over
  ...[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef], // mov dx, 0x604; mov ax, 0x2000 (sleep: off); out dx, ax
];
const WAIT = [0xfb, 0xf4]; // sti; hlt
const LOADED_AT = 0x7c00;
const DISK_SIZE_BYTES = 1024 * 1024;

export interface TinyGuestOptions {
  /** Turns itself off when the power button is pressed. */
  readonly obeysPowerButton?: boolean;
}

/** Makes the guest's raw disk. */
export async function writeTinyGuest(
  diskFile: string,
  { obeysPowerButton = false }: TinyGuestOptions = {},
): Promise<void> {
  const start = [...START, ...(obeysPowerButton ? ENABLE_BUTTON : [])];
  const rest = [...SAY, ...(obeysPowerButton ? OBEY_BUTTON : []), ...WAIT];
  const loopBytes = 3 + rest.length + 2;
  const text = LOADED_AT + start.length + loopBytes;
  // again: mov si, text; …; jmp again
  const loop = [0xbe, text & 0xff, text >> 8, ...rest, 0xeb, 0x100 - loopBytes];
  const sector = Buffer.alloc(512);
  Buffer.from([...start, ...loop, ...Buffer.from('READY\n\0')]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  await writeFile(diskFile, sector, { mode: 0o644 });
  await truncate(diskFile, DISK_SIZE_BYTES);
}
