/** Whatever passes the check of the disk's size can be uploaded to its end: nothing is refused only after hours of sending. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_UPLOAD_BYTES, uploadsRequest } from '#shared/api/images.ts';
import { encodeFrameIndex } from '#shared/image/frame-index.ts';
import {
  FRAMES_PER_PART,
  type Manifest,
  manifestSchema,
  MAX_MANIFEST_BYTES,
  MAX_PARTS,
  PART_SIZE_BYTES,
} from '#shared/image/manifest.ts';

const SHA256 = 'f'.repeat(64);
const IMAGE_ID = '01JD0000000000000000000000';
const sizeBytes = MAX_PARTS * PART_SIZE_BYTES;
const FRAME = { lengthBytes: 1, sha256: SHA256, rawSha256: SHA256 };
const FULL_PART = { number: 0, frames: Array.from({ length: FRAMES_PER_PART }, () => FRAME) };

/** Without a gigabyte of digests: every part adds as much as the first. */
const headerBytes = encodeFrameIndex(sizeBytes, []).length;
const indexBytes = headerBytes + MAX_PARTS * (encodeFrameIndex(sizeBytes, [FULL_PART]).length - headerBytes);

test('the index of the largest disk, without a hole, may be uploaded', () => {
  const index = { objectKind: 'indexes', sha256: SHA256, sizeBytes: indexBytes };
  assert.ok(uploadsRequest.safeParse({ objects: [index] }).success, `${indexBytes} of ${MAX_UPLOAD_BYTES.indexes}`);
});

test('the manifest of two such disks follows the schema and may be uploaded', () => {
  const part = { sha256: SHA256, sizeBytes: MAX_UPLOAD_BYTES.parts };
  const disk = {
    sizeBytes,
    index: { sha256: SHA256, sizeBytes: indexBytes },
    parts: Array.from({ length: MAX_PARTS }, (_, number) => ({ number, ...part })),
  };
  const manifest: Manifest = manifestSchema.parse({
    schemaVersion: 1,
    imageId: IMAGE_ID,
    imageName: 'x'.repeat(63),
    version: Number.MAX_SAFE_INTEGER,
    createdAt: new Date(0).toISOString(),
    architecture: 'x86_64',
    disks: { frontend: disk, compute: disk },
  });
  assert.ok(JSON.stringify(manifest).length <= MAX_MANIFEST_BYTES);
});
