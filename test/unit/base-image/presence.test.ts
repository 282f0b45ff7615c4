import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_SIZE_BYTES, PART_SIZE_BYTES, type DiskDescription } from '#shared/image/manifest.ts';
import { Presence, presenceBytes } from '../../../edge-agent/base-image/presence.ts';

const digest = '0'.repeat(64);
const disk = (...partNumbers: number[]): DiskDescription => ({
  sizeBytes: 2 * PART_SIZE_BYTES + FRAME_SIZE_BYTES + 512,
  index: { sha256: digest, sizeBytes: 0 },
  parts: partNumbers.map((number) => ({ number, sha256: digest, sizeBytes: 1 })),
});
const nothing = Buffer.alloc(presenceBytes(disk()));

test('frames of parts that were left out are there from the start', () => {
  const presence = new Presence(disk(0), nothing);
  assert.equal(presence.frameCount, 66);
  assert.deepEqual(
    [0, 31, 32, 65].map((frame) => presence.has(frame)),
    [false, false, true, true],
  );
  assert.equal(presence.complete, false);
  assert.equal(new Presence(disk(), nothing).complete, true);
});

test('it is complete when the last missing frame was added, each counted once', () => {
  const presence = new Presence(disk(2), nothing);
  presence.add(64);
  presence.add(64);
  assert.equal(presence.complete, false);
  presence.add(65);
  assert.equal(presence.complete, true);
});

test('it comes back from the bytes that tell of what was added', () => {
  const before = new Presence(disk(0, 1, 2), nothing);
  const kept = Buffer.from(nothing);
  for (const [first, end] of [
    [0, 1],
    [7, 9],
    [40, 41],
    [65, 66],
  ] as const) {
    for (let frame = first; frame < end; frame++) before.add(frame);
    const { bytes, offsetBytes } = before.slice(first, end);
    kept.set(bytes, offsetBytes);
  }
  const after = new Presence(disk(0, 1, 2), kept);
  const present = Array.from({ length: 66 }, (_, frame) => frame).filter((frame) => after.has(frame));
  assert.deepEqual(present, [0, 7, 8, 40, 65]);
});
