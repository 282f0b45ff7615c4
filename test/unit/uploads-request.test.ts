import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_UPLOAD_BYTES, uploadsRequest } from '#shared/api/images.ts';
import { manifestSchema, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES } from '#shared/image/signed-manifest.ts';
import { ulid } from 'ulid';

const SHA256 = 'a'.repeat(64);
type Sizes = Readonly<Record<'parts' | 'indexes', number>>;

const mayUpload = (objectKind: string, sizeBytes: number): boolean =>
  uploadsRequest.safeParse({ objects: [{ objectKind, sha256: SHA256, sizeBytes }] }).success;

const mayDescribe = (sizes: Sizes): boolean =>
  manifestSchema.safeParse({
    schemaVersion: 1,
    imageId: ulid(),
    imageName: 'hpc-base',
    version: 1,
    createdAt: '2026-11-23T09:00:00.000Z',
    architecture: 'x86_64',
    disks: {
      frontend: {
        sizeBytes: PART_SIZE_BYTES,
        index: { sha256: SHA256, sizeBytes: sizes.indexes },
        parts: [{ number: 0, sha256: SHA256, sizeBytes: sizes.parts }],
      },
    },
  }).success;

describe('an upload', () => {
  for (const objectKind of ['parts', 'indexes'] as const) {
    it(`of the kind ${objectKind} may be as large as a manifest may say, and no larger`, () => {
      const most = MAX_UPLOAD_BYTES[objectKind];
      const sizes = { parts: 1, indexes: 1 };
      assert.deepEqual([mayUpload(objectKind, most), mayDescribe({ ...sizes, [objectKind]: most })], [true, true]);
      const more = most + 1;
      assert.deepEqual([mayUpload(objectKind, more), mayDescribe({ ...sizes, [objectKind]: more })], [false, false]);
    });
  }

  it('of a manifest may be as large as one that is read', () => {
    assert.equal(mayUpload('manifests', MAX_SIGNED_MANIFEST_BYTES), true);
    assert.equal(mayUpload('manifests', MAX_SIGNED_MANIFEST_BYTES + 1), false);
  });

  it('is of a known kind', () => assert.equal(mayUpload('logs', 1), false));
});
