/** How a disk is cut into parts and frames. Apart from manifest.ts so that threads which only need the numbers load nothing else. */

/** A part holds this many bytes of the raw disk: the unit of upload. */
export const PART_SIZE_BYTES = 8 * 1024 * 1024;
/** A part is a row of independent zstd frames, each holding this many bytes of the raw disk. */
export const FRAME_SIZE_BYTES = 256 * 1024;
export const FRAMES_PER_PART = PART_SIZE_BYTES / FRAME_SIZE_BYTES;
/** With parts of 8 MiB: disks of up to 512 GiB. */
export const MAX_PARTS = 65_536;
export const MAX_DISK_BYTES = MAX_PARTS * PART_SIZE_BYTES;
