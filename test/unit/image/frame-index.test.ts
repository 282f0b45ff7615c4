import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { type ErrorCode, hasCode } from '#shared/errors.ts';
import {
  countFrames,
  countFramesOfPart,
  encodeFrameIndex,
  FrameIndex,
  type IndexedPart,
} from '#shared/image/frame-index.ts';
import { type DiskDescription, FRAME_SIZE_BYTES, PART_SIZE_BYTES } from '#shared/image/manifest.ts';

const HEADER_BYTES = 24;
const digest = (text: string): string => hash('sha256', text);

/** Parts 0 and 2; part 1 was left out, part 2 is short: two frames, the last of 512 bytes. */
const DISK_SIZE_BYTES = 2 * PART_SIZE_BYTES + FRAME_SIZE_BYTES + 512;
const PARTS: readonly IndexedPart[] = [0, 2].map((number) => ({
  number,
  frames: Array.from({ length: countFramesOfPart(number, DISK_SIZE_BYTES) }, (_, i) => ({
    lengthBytes: 100 * (number + 1) + i,
    sha256: digest(`compressed ${number} ${i}`),
    rawSha256: digest(`raw ${number} ${i}`),
  })),
}));

function describe(bytes: Buffer, diskSizeBytes = DISK_SIZE_BYTES): DiskDescription {
  return {
    sizeBytes: diskSizeBytes,
    index: { sha256: hash('sha256', bytes), sizeBytes: bytes.length },
    parts: PARTS.map(({ number, frames }) => ({
      number,
      sha256: digest(`part ${number}`),
      sizeBytes: frames.reduce((sum, frame) => sum + frame.lengthBytes, 0),
    })),
  };
}

const good = encodeFrameIndex(DISK_SIZE_BYTES, PARTS);
const throwsCode = (code: ErrorCode, work: () => unknown): void => {
  assert.throws(work, (error) => hasCode(error, code));
};

test('every frame is found where it lies', () => {
  const index = FrameIndex.decode(good, describe(good));
  assert.equal(index.frameCount, 66);
  const third = index.locate(2);
  assert.ok(third !== 'zero');
  assert.equal(third.part.number, 0);
  assert.equal(third.objectOffsetBytes, 100 + 101);
  assert.equal(third.lengthBytes, 102);
  assert.equal(third.diskOffsetBytes, 2 * FRAME_SIZE_BYTES);
  assert.equal(third.rawSizeBytes, FRAME_SIZE_BYTES);
  assert.equal(third.sha256, digest('compressed 0 2'));
  assert.equal(third.rawSha256, digest('raw 0 2'));
});

test('frames of a part that was left out are zero', () => {
  const index = FrameIndex.decode(good, describe(good));
  for (const frame of [32, 47, 63]) assert.equal(index.locate(frame), 'zero');
});

test('the last frame is as short as the disk makes it', () => {
  const last = FrameIndex.decode(good, describe(good)).locate(65);
  assert.ok(last !== 'zero');
  assert.equal(last.rawSizeBytes, 512);
  assert.equal(last.objectOffsetBytes, 300);
});

test('there are no frames beyond the disk', () => {
  const index = FrameIndex.decode(good, describe(good));
  for (const frame of [-1, 66, NaN]) assert.throws(() => index.locate(frame), RangeError);
});

test('a disk without any part has an index, too', () => {
  const bytes = encodeFrameIndex(DISK_SIZE_BYTES, []);
  const index = FrameIndex.decode(bytes, { ...describe(bytes), parts: [] });
  assert.equal(index.locate(0), 'zero');
  assert.equal(countFrames(DISK_SIZE_BYTES), 66);
});

test('other bytes than the description names are corrupt', () => {
  const flipped = Buffer.from(good);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  throwsCode('PART_CORRUPT', () => FrameIndex.decode(flipped, describe(good)));
  throwsCode('PART_CORRUPT', () => FrameIndex.decode(good.subarray(0, -1), describe(good)));
  throwsCode('PART_CORRUPT', () => FrameIndex.decode(Buffer.alloc(0), describe(good)));
});

/** What a publisher may have signed although it makes no sense: each change is made before the digest. */
const contradictions: readonly { readonly name: string; readonly change: (bytes: Buffer) => Buffer }[] = [
  { name: 'empty', change: () => Buffer.alloc(0) },
  { name: 'header cut', change: (bytes) => bytes.subarray(0, HEADER_BYTES - 1) },
  { name: 'another magic', change: (bytes) => (bytes.write('XXXX'), bytes) },
  { name: 'another version', change: (bytes) => (bytes.writeUInt32LE(2, 4), bytes) },
  { name: 'another disk size', change: (bytes) => (bytes.writeBigUInt64LE(512n, 8), bytes) },
  { name: 'another frame size', change: (bytes) => (bytes.writeUInt32LE(4096, 16), bytes) },
  { name: 'another number of parts', change: (bytes) => (bytes.writeUInt32LE(1, 20), bytes) },
  { name: 'a gap: another part number', change: (bytes) => (bytes.writeUInt32LE(1, HEADER_BYTES), bytes) },
  { name: 'a frame of no bytes', change: (bytes) => (bytes.writeUInt32LE(0, HEADER_BYTES + 4), bytes) },
  { name: 'a frame too long for zstd', change: (bytes) => (bytes.writeUInt32LE(2 ** 31, HEADER_BYTES + 4), bytes) },
  { name: 'a sum that is not the part', change: (bytes) => (bytes.writeUInt32LE(99, HEADER_BYTES + 4), bytes) },
  { name: 'cut inside the rows', change: (bytes) => bytes.subarray(0, bytes.length - 40) },
  { name: 'one byte too many', change: (bytes) => Buffer.concat([bytes, Buffer.from('x')]) },
];
for (const { name, change } of contradictions) {
  test(`an index that contradicts the manifest is refused: ${name}`, () => {
    const bytes = change(Buffer.from(good));
    throwsCode('MANIFEST_UNTRUSTED', () => FrameIndex.decode(bytes, describe(bytes)));
  });
}

test('disks with the same frames at other places have other indexes', () => {
  const frames = PARTS[0]?.frames ?? [];
  const first = encodeFrameIndex(DISK_SIZE_BYTES, [{ number: 0, frames }]);
  const second = encodeFrameIndex(DISK_SIZE_BYTES, [{ number: 1, frames }]);
  assert.notEqual(hash('sha256', first), hash('sha256', second));
});

test('what it says of the disk can be had without a manifest, but for the digests of the parts', () => {
  const [index, alone] = [FrameIndex.decode(good, describe(good)), FrameIndex.decodeAlone(good, hash('sha256', good))];
  assert.deepEqual([alone.diskSizeBytes, alone.frameCount], [DISK_SIZE_BYTES, index.frameCount]);
  for (let number = 0; number < index.frameCount; number++) {
    const [one, other] = [index.locate(number), alone.locate(number)];
    if (one === 'zero' || other === 'zero') assert.equal(one, other);
    else assert.deepEqual({ ...one, part: { ...one.part, sha256: '' } }, other);
  }
  throwsCode('PART_CORRUPT', () => FrameIndex.decodeAlone(good.subarray(0, -1), hash('sha256', good)));
  throwsCode('PART_CORRUPT', () => FrameIndex.decodeAlone(Buffer.alloc(0), hash('sha256', good)));
});

test('a frame of zeros holds no data, whether its part was left out or not', () => {
  const zeros = {
    lengthBytes: 20,
    sha256: digest('compressed'),
    rawSha256: hash('sha256', Buffer.alloc(FRAME_SIZE_BYTES)),
  };
  const parts = PARTS.map((part) => ({ ...part, frames: part.frames.map((frame, i) => (i === 1 ? zeros : frame)) }));
  const bytes = encodeFrameIndex(DISK_SIZE_BYTES, parts);
  const index = FrameIndex.decodeAlone(bytes, hash('sha256', bytes));
  assert.deepEqual(
    [0, 1, 2, 31, 32, 63, 64].map((number) => index.mayHoldData(number)),
    [true, false, true, true, false, false, true],
  );
  assert.throws(() => index.mayHoldData(66), RangeError);
});
