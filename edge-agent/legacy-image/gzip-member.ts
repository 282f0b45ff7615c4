/** What the first and the last bytes of a gzip member tell (RFC 1952). Pure. */
import { MAX_DISK_BYTES } from '#shared/image/part-layout.ts';

export const HEADER_BYTES = 10;
/** A header, the shortest empty deflate stream, and the trailer. */
const LEAST_MEMBER_BYTES = HEADER_BYTES + 2 + 8;
const RESERVED_FLAGS = 0xe0;
/** Names and comments in the header, and one stored block after another: more than that, deflate does not add. */
const MOST_HEADER_BYTES = 64 * 1024;
const MOST_GROWTH = 1.001;

/** Whether a member may begin like that: gzip's magic, deflate, no flag that nobody has defined. */
export function looksLikeMember(head: Uint8Array): boolean {
  const [magic1, magic2, method, flags = 0] = head;
  return (
    head.length >= HEADER_BYTES && magic1 === 0x1f && magic2 === 0x8b && method === 8 && (flags & RESERVED_FLAGS) === 0
  );
}

export interface MemberEnd {
  readonly sizeBytes: number;
  /** Its last bytes, at least four. */
  readonly tail: Buffer;
}

/**
 * Where each part's content begins in the disk, if every part is one member of less than 4 GiB: its trailer ends in ISIZE, the raw
 * length modulo 2^32. Nothing that is known yet proves it; inflating does.
 * @returns one more offset than parts, the last one being the disk's size; `undefined` where it cannot be so: ISIZE has wrapped, is
 * not that of the whole part, or is no ISIZE at all.
 */
export function presumeOffsets(parts: readonly MemberEnd[]): readonly number[] | undefined {
  const offsets = [0];
  for (const { sizeBytes, tail } of parts) {
    if (sizeBytes < LEAST_MEMBER_BYTES) return undefined;
    const rawBytes = tail.readUInt32LE(tail.length - 4);
    if (sizeBytes > rawBytes * MOST_GROWTH + MOST_HEADER_BYTES) return undefined;
    offsets.push((offsets.at(-1) ?? 0) + rawBytes);
  }
  return (offsets.at(-1) ?? 0) > MAX_DISK_BYTES ? undefined : offsets;
}
