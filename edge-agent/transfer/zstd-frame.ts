/** Where a zstd frame ends, by its own account. Pure. RFC 8878, section 3.1.1. */

const MAGIC = 0xfd2fb528;
/** Magic and frame header descriptor. */
const LEAST_BYTES = 5;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK = { rle: 1, reserved: 3 };

/** Whether the bytes are one frame, from its magic to the end of its last block and checksum: not less, not more. */
export function isOneWholeFrame(bytes: Uint8Array): boolean {
  if (bytes.length < LEAST_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return false;
  const descriptor = view.getUint8(4);
  let at = LEAST_BYTES + headerBytesAfter(descriptor);
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return false;
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === BLOCK.reserved) return false;
    // A block of one byte, repeated: its size is what it becomes.
    at += BLOCK_HEADER_BYTES + (type === BLOCK.rle ? 1 : header >> 3);
  }
  const hasChecksum = (descriptor & 4) !== 0;
  return at + (hasChecksum ? CHECKSUM_BYTES : 0) === bytes.length;
}

function headerBytesAfter(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const sizeFlag = descriptor >> 6;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  return windowBytes + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes;
}
