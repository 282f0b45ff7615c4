import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { encodeFrameIndex, FrameIndex } from '#shared/image/frame-index.ts';
import { type DiskDescription, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { missingBytes, planPart, planRuns } from '../../../edge-agent/base-image/missing-runs.ts';

/** Three parts; the middle one is zero. Frame n of a part has 10 + n bytes. */
const sizeBytes = 3 * PART_SIZE_BYTES;
const frames = Array.from({ length: 32 }, (_, i) => ({
  lengthBytes: 10 + i,
  sha256: hash('sha256', `${i}`),
  rawSha256: hash('sha256', `raw ${i}`),
}));
const partBytes = frames.reduce((sum, frame) => sum + frame.lengthBytes, 0);
const bytes = encodeFrameIndex(sizeBytes, [
  { number: 0, frames },
  { number: 2, frames },
]);
const disk: DiskDescription = {
  sizeBytes,
  index: { sha256: hash('sha256', bytes), sizeBytes: bytes.length },
  parts: [0, 2].map((number) => ({ number, sha256: hash('sha256', `part ${number}`), sizeBytes: partBytes })),
};
const index = FrameIndex.decode(bytes, disk);
const shapeOf = (runs: ReturnType<typeof planRuns>) =>
  runs.map(({ part, frames: of, offsetBytes, lengthBytes }) => [part.number, of.length, offsetBytes, lengthBytes]);

test('a part that is missing is one run: all of it', () => {
  assert.deepEqual(shapeOf(planPart(index, 2, () => true)), [[2, 32, 0, partBytes]]);
});

test('neighbors become one run, a frame that is there divides', () => {
  const isMissing = (frame: number): boolean => [1, 2, 4].includes(frame);
  assert.deepEqual(shapeOf(planPart(index, 0, isMissing)), [
    [0, 2, 10, 11 + 12],
    [0, 1, 10 + 11 + 12 + 13, 14],
  ]);
});

test('runs end with their part, zero parts have none', () => {
  assert.deepEqual(shapeOf(planRuns(index, 30, 66, () => true)), [
    [0, 2, partBytes - 40 - 41, 40 + 41],
    [2, 2, 0, 10 + 11],
  ]);
});

test('beyond the disk there is nothing', () => {
  assert.deepEqual(
    planRuns(index, 96, 1000, () => true),
    [],
  );
  assert.deepEqual(
    planRuns(index, 0, 96, () => false),
    [],
  );
});

test('missing bytes are those of the runs', () => {
  assert.equal(
    missingBytes(index, disk, () => true),
    2 * partBytes,
  );
  assert.equal(
    missingBytes(index, disk, (frame) => frame === 3 || frame === 64),
    13 + 10,
  );
  assert.equal(
    missingBytes(index, disk, () => false),
    0,
  );
});
