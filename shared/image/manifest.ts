/**
 * The manifest of an image version: what the disks are made of. It lives in the bucket, signed (see signed-manifest.ts), at
 * `images/<imageId>/manifests/<sha256>.json`; never in a database item or a message.
 */
import * as z from 'zod';
import { IMAGE_NAME, SHA256, ULID } from '../names.ts';
import { FRAME_SIZE_BYTES, FRAMES_PER_PART, MAX_PARTS, PART_SIZE_BYTES } from './part-layout.ts';

export { FRAME_SIZE_BYTES, FRAMES_PER_PART, MAX_PARTS, PART_SIZE_BYTES };

/** A part as it lies in the bucket; zstd adds little to data that it cannot compress. */
export const MAX_PART_OBJECT_BYTES = PART_SIZE_BYTES + 64 * 1024;
/** A larger manifest is refused before it is read. */
export const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;
/** Enough for the frames of the largest disk. */
export const MAX_INDEX_BYTES = 256 * 1024 * 1024;

const partSchema = z.strictObject({
  /** Position in the disk: the part holds raw bytes from `number * PART_SIZE_BYTES` on. */
  number: z.int().nonnegative().lt(MAX_PARTS),
  /** Digest of the object as it lies in the bucket (compressed). It is the object's name, too. */
  sha256: SHA256,
  /** Size of the object as it lies in the bucket. */
  sizeBytes: z.int().positive().max(MAX_PART_OBJECT_BYTES),
});

const diskSchema = z
  .strictObject({
    /** Apparent size of the raw disk. */
    sizeBytes: z
      .int()
      .positive()
      .multipleOf(512)
      .max(MAX_PARTS * PART_SIZE_BYTES),
    /** The frame index (see frame-index.ts) of this disk: object `indexes/<sha256>`. */
    index: z.strictObject({
      sha256: SHA256,
      sizeBytes: z.int().nonnegative().max(MAX_INDEX_BYTES),
    }),
    /** In order of `number`; a part that would be all zero is left out. */
    parts: z.array(partSchema).max(MAX_PARTS),
  })
  .refine((disk) => disk.parts.every((part, i) => i === 0 || part.number > (disk.parts[i - 1]?.number ?? -1)), {
    message: 'parts must be in ascending order of number, each once',
  })
  .refine((disk) => disk.parts.every((part) => part.number * PART_SIZE_BYTES < disk.sizeBytes), {
    message: 'a part lies beyond the end of the disk',
  });

export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  imageId: ULID,
  imageName: IMAGE_NAME,
  /** Counts up from 1 within an image. */
  version: z.int().positive(),
  createdAt: z.iso.datetime(),
  architecture: z.literal('x86_64'),
  disks: z.strictObject({
    frontend: diskSchema,
    /** Absent where the image has no compute nodes. */
    compute: diskSchema.optional(),
  }),
});

export type PartDescription = z.infer<typeof partSchema>;
export type DiskDescription = z.infer<typeof diskSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** The kinds of object that an image has in the bucket, each named by the SHA-256 of its content. */
export type ImageObjectKind = 'manifests' | 'indexes' | 'parts';

/** Key of an object in the bucket, and its path below the distribution's host. */
export function imageObjectKey(imageId: string, objectKind: ImageObjectKind, sha256: string): string {
  return `${imageFolder(imageId)}/${imageObjectName(objectKind, sha256)}`;
}

/** What the keys of all objects of an image begin with. */
export function imageFolder(imageId: string): string {
  return `images/${imageId}`;
}

/** Name of an object within its image. */
export function imageObjectName(objectKind: ImageObjectKind, sha256: string): string {
  return `${objectKind}/${sha256}${objectKind === 'manifests' ? '.json' : ''}`;
}
