/** What an agent announces of its cache. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CACHED_IMAGES } from '#shared/api/sites.ts';
import { ulid } from 'ulid';
import { cachedImages } from '../../../edge-agent/cache/cached-images.ts';
import type { StoredBase } from '../../../edge-agent/cache/stored-bases.ts';

const [HPC, GRID] = [ulid(), ulid()];

const label = (imageId: string, version: number, storedBytes = 1000) => ({
  ...{ name: 'hpc', version },
  published: { imageId, storedBytes },
});
const base = (changes: Partial<StoredBase> = {}): StoredBase => ({
  ...{ base: 'a'.repeat(64), images: [label(HPC, 1)], state: 'complete', sizeBytes: 9000, allocatedBytes: 5000 },
  ...{ expectedBytes: 5000, lastUsedAt: new Date(1), isPinned: false, isDamaged: false, inodes: [], ...changes },
});

test('a version’s disks count together, and one disk counts for each version that has it', () => {
  const frontend = base({ images: [label(HPC, 2, 1000), label(HPC, 1, 1000)] });
  const compute = base({ images: [label(HPC, 2, 300)] });
  assert.deepEqual(cachedImages([frontend, compute]), [
    { imageId: HPC, version: 2, cachedBytes: 1300 },
    { imageId: HPC, version: 1, cachedBytes: 1000 },
  ]);
});

test('of what is not whole, as much counts as is here; of what is damaged or begun with nothing, nothing does', () => {
  const partial = { state: 'partial', allocatedBytes: 1250 } as const;
  assert.deepEqual(cachedImages([base(partial)]), [{ imageId: HPC, version: 1, cachedBytes: 250 }]);
  for (const nothing of [
    { ...partial, expectedBytes: undefined },
    { state: 'absent', allocatedBytes: 100 } as const,
    { isDamaged: true },
  ]) {
    assert.deepEqual(cachedImages([base(nothing)]), []);
  }
});

test('what no catalog has is nobody’s business', () => {
  assert.deepEqual(cachedImages([base({ images: [{ name: 'rocks-sge' }, { name: 'hpc', version: 1 }] })]), []);
});

test('so many are told at most, those used last', () => {
  const many = Array.from({ length: MAX_CACHED_IMAGES + 2 }, (_, i) =>
    base({ images: [label(GRID, i + 1)], lastUsedAt: new Date(i) }),
  );
  const told = cachedImages(many).map(({ version }) => version);
  assert.equal(told.length, MAX_CACHED_IMAGES);
  assert.deepEqual([told[0], told.at(-1)], [MAX_CACHED_IMAGES + 2, 3]);
});
