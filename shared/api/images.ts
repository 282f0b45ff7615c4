/** Images and their versions: uploads, publishing, channels, verdicts, sharing. */
import * as z from 'zod';
import { channelsSchema, REASON, sharingSchema, verdictSchema, versionUseSchema } from '../image/catalog.ts';
import { type ImageObjectKind, MAX_INDEX_BYTES, MAX_PART_OBJECT_BYTES, MAX_PARTS } from '../image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES } from '../image/signed-manifest.ts';
import { IMAGE_NAME, SHA256, ULID } from '../names.ts';

export const beginImageRequest = z.strictObject({ imageName: IMAGE_NAME });
export const beginImageResponse = z.object({ imageId: ULID, imageName: IMAGE_NAME, nextVersion: z.int().positive() });

/** Presigned URLs are long: they are handed out for this many objects at a time. */
export const MAX_UPLOADS_PER_REQUEST = 256;

/** Largest objects that may be uploaded: as large as the schema of the manifest lets a part and an index be. */
export const MAX_UPLOAD_BYTES: Readonly<Record<ImageObjectKind, number>> = {
  manifests: MAX_SIGNED_MANIFEST_BYTES,
  indexes: MAX_INDEX_BYTES,
  parts: MAX_PART_OBJECT_BYTES,
};

const uploadOf = <Kind extends ImageObjectKind>(objectKind: Kind) =>
  z.strictObject({
    objectKind: z.literal(objectKind),
    sha256: SHA256,
    sizeBytes: z.int().positive().max(MAX_UPLOAD_BYTES[objectKind]),
  });

export const uploadsRequest = z.strictObject({
  objects: z
    .array(z.discriminatedUnion('objectKind', [uploadOf('manifests'), uploadOf('indexes'), uploadOf('parts')]))
    .min(1)
    .max(MAX_UPLOADS_PER_REQUEST),
});
export const uploadsResponse = z.object({
  /** In the order of the request. An object that is there already needs no upload. */
  uploads: z.array(
    z.object({
      sha256: SHA256,
      upload: z.object({ url: z.url(), headers: z.record(z.string(), z.string()) }).optional(),
    }),
  ),
});

export const publishVersionRequest = z.strictObject({ manifestSha256: SHA256 });

export const imageVersionSchema = z.object({
  imageId: ULID,
  imageName: IMAGE_NAME,
  version: z.int().positive(),
  manifestSha256: SHA256,
  manifestSizeBytes: z.int().positive(),
  publisherId: z.string(),
  /** The publisher's certificate, signed by the federation's root: with it the manifest's signature is checked. */
  publisherCertificate: z.string(),
  /** Apparent sizes of the disks. */
  diskSizeBytes: z.object({ frontend: z.int().positive(), compute: z.int().positive().optional() }),
  /** Bytes of all parts as they lie in the bucket. */
  storedBytes: z.int().nonnegative(),
  parts: z
    .int()
    .nonnegative()
    .max(2 * MAX_PARTS),
  createdAt: z.iso.datetime(),
  /** It may still be deployed. */
  deprecation: verdictSchema.optional(),
  /** For ever: it may not be deployed or warmed any more. */
  recall: verdictSchema.optional(),
});
export type ImageVersion = z.infer<typeof imageVersionSchema>;

export const imageSchema = z.object({
  imageId: ULID,
  imageName: IMAGE_NAME,
  ownerId: z.string(),
  /** 0 while nothing has been published under the name. */
  latestVersion: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  channels: channelsSchema.optional(),
  /** Channels that were removed, and the version that each had come to: set again, it goes on from there. */
  removedChannels: channelsSchema.optional(),
  /** With every member where absent. */
  sharing: sharingSchema.optional(),
  /** Counts the changes of channels and sharing, from 0 where absent; each of them is conditional on it. */
  revision: z.int().positive().optional(),
});
export type Image = z.infer<typeof imageSchema>;
export const imageListResponse = z.object({ images: z.array(imageSchema) });
export const imageResponse = imageSchema.extend({ versions: z.array(imageVersionSchema) });

export const channelRequest = z.strictObject({ version: z.int().positive() });
export const shareImageRequest = z.strictObject({ sharing: sharingSchema });
/** Of a deprecation or a recall. */
export const verdictRequest = z.strictObject({ reason: REASON });
/** With the deployments that use the version and are not over: their members should know. */
export const recallResponse = z.object({ version: imageVersionSchema, deployments: z.array(versionUseSchema) });
export type Recalled = z.infer<typeof recallResponse>;
/** What was deleted. */
export const deleteVersionResponse = z.object({ imageName: IMAGE_NAME, version: z.int().positive() });
