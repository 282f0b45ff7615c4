import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_SIZE_BYTES, FRAMES_PER_PART, PART_SIZE_BYTES, type DiskDescription } from '#shared/image/manifest.ts';
import { Presence } from '../../../edge-agent/base-image/presence.ts';

const digest = '0'.repeat(64);
const disk = (...partNumbers: number[]): DiskDescription => ({
  sizeBytes: 2 * PART_SIZE_BYTES + FRAME_SIZE_BYTES + 512,
  index: { sha256: digest, sizeBytes: 0 },
  parts: partNumbers.map((number) => ({ number, sha256: digest, sizeBytes: 1 })),
});

test('frames of parts that were left out are there from the start', () => {
  const presence = new Presence(disk(0));
  assert.equal(presence.frameCount, 66);
  assert.deepEqual(
    [0, 31, 32, 65].map((frame) => presence.has(frame)),
    [false, false, true, true],
  );
  assert.equal(presence.complete, false);
  assert.equal(new Presence(disk()).complete, true);
});

test('it is complete when the last missing frame was added, each counted once', () => {
  const presence = new Presence(disk(2));
  presence.add(64);
  presence.add(64);
  assert.equal(presence.complete, false);
  presence.add(65);
  assert.equal(presence.complete, true);
});

test('it comes back as it was written', () => {
  const before = new Presence(disk(0, 1, 2));
  for (const frame of [0, 7, 8, 40, 65]) before.add(frame);
  const after = new Presence(disk(0, 1, 2));
  assert.equal(after.restore(before.encode()), true);
  for (let frame = 0; frame < 66; frame++) assert.equal(after.has(frame), before.has(frame));
});

test('what is damaged or of another disk counts for nothing', () => {
  const good = new Presence(disk()).encode();
  const damages: Buffer[] = [
    Buffer.alloc(0),
    good.subarray(1),
    Buffer.concat([good, Buffer.from('x')]),
    ...[0, 5, 10, good.length - 1].map((at) => {
      const flipped = Buffer.from(good);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      return flipped;
    }),
  ];
  for (const damaged of damages) {
    const presence = new Presence(disk(0));
    assert.equal(presence.restore(damaged), false);
    assert.equal(presence.has(0), false);
  }
  assert.equal(FRAMES_PER_PART, 32);
});
