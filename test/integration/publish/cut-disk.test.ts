/** Cutting real sparse files: what comes out is what the format says, and others can read it. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { hasCode } from '#shared/errors.ts';
import { FrameIndex } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES, FRAMES_PER_PART, manifestSchema, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { cutDisk } from '../../../cli/publish/cut-disk.ts';
import { createDataSeeker } from '#shared/host/data-seeker.ts';
import { createSampleDisk } from '../../helpers/sample-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

test('parts hold the disk, zero parts are left out, written or holes', async () => {
  await using folder = await createTemporaryFolder();
  const { rawFile, parts, disk } = await createSampleDisk(folder.path);
  const raw = await readFile(rawFile);
  assert.deepEqual(
    parts.map(({ number }) => number),
    [0, 2, 3, 5],
  );
  for (const part of parts) {
    const expected = raw.subarray(part.number * PART_SIZE_BYTES, (part.number + 1) * PART_SIZE_BYTES);
    assert.ok(zstdDecompressSync(part.bytes).equals(expected), 'a part is readable as one zstd stream');
    assert.equal(part.sizeBytes, part.bytes.length);
    assert.equal(part.sha256, hash('sha256', part.bytes));
    assert.equal(part.frames.length, Math.ceil(expected.length / FRAME_SIZE_BYTES));
  }
  assert.deepEqual(
    disk.parts,
    parts.map(({ number, sha256, sizeBytes }) => ({ number, sha256, sizeBytes })),
  );
  manifestSchema.shape.disks.shape.frontend.parse(disk);
});

test('the index finds every frame, each a zstd frame of its own', async () => {
  await using folder = await createTemporaryFolder();
  const { rawFile, parts, disk, indexBytes, sizeBytes } = await createSampleDisk(folder.path);
  const raw = await readFile(rawFile);
  const index = FrameIndex.decode(indexBytes, disk);
  assert.equal(index.frameCount, Math.ceil(sizeBytes / FRAME_SIZE_BYTES));
  for (let number = 0; number < index.frameCount; number++) {
    const frame = index.locate(number);
    const expected = raw.subarray(number * FRAME_SIZE_BYTES, (number + 1) * FRAME_SIZE_BYTES);
    if (frame === 'zero') {
      assert.ok(expected.every((byte) => byte === 0));
      continue;
    }
    const part = parts.find(({ number: of }) => of === Math.floor(number / FRAMES_PER_PART));
    const compressed = part?.bytes.subarray(frame.objectOffsetBytes, frame.objectOffsetBytes + frame.lengthBytes);
    assert.ok(compressed !== undefined);
    assert.equal(hash('sha256', compressed), frame.sha256);
    assert.equal(hash('sha256', expected), frame.rawSha256);
    assert.ok(zstdDecompressSync(compressed).equals(expected));
  }
});

test('the same disk is cut to the same bytes', async () => {
  await using first = await createTemporaryFolder();
  await using second = await createTemporaryFolder();
  assert.deepEqual((await createSampleDisk(first.path)).disk, (await createSampleDisk(second.path)).disk);
});

test('a disk of nothing but a hole has no parts', async () => {
  await using folder = await createTemporaryFolder();
  const { disk } = await createSampleDisk(folder.path, 3 * PART_SIZE_BYTES, []);
  assert.deepEqual(disk.parts, []);
});

test('holes are skipped by lseek: 400 GiB apparent with a little data is cut at once', async () => {
  await using folder = await createTemporaryFolder();
  const sizeBytes = 400 * 1024 ** 3;
  const far = 300 * 1024 ** 3 + 12_345;
  const { parts } = await createSampleDisk(folder.path, sizeBytes, [
    { offsetBytes: far, lengthBytes: 1000, content: 'noise' },
  ]);
  // The helper also writes a run of zeros, which is no hole and no part.
  assert.deepEqual(
    parts.map(({ number }) => number),
    [Math.floor(far / PART_SIZE_BYTES)],
  );
});

test('the seeker finds data, and that there is none', async () => {
  await using folder = await createTemporaryFolder();
  await using file = await open(join(folder.path, 'sparse'), 'w+');
  await file.truncate(10 * PART_SIZE_BYTES);
  await file.write('x', 5 * PART_SIZE_BYTES);
  const seek = createDataSeeker(file.fd);
  assert.equal(seek(0), 5 * PART_SIZE_BYTES);
  assert.equal(seek(6 * PART_SIZE_BYTES), undefined);
});

test('a disk that ends early is refused; an index before the end of the cut is a fault of the program', async () => {
  await using folder = await createTemporaryFolder();
  await using file = await open(join(folder.path, 'short'), 'w+');
  await file.write(Buffer.alloc(5000, 'x'));
  const cut = cutDisk(file, 8192);
  assert.throws(() => cut.finish(), /before all parts/);
  const iterator = cut.parts[Symbol.asyncIterator]();
  await assert.rejects(Promise.resolve(iterator.next()), (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT'));
});

test('who stops early leaves nothing running', async () => {
  await using folder = await createTemporaryFolder();
  const { rawFile, sizeBytes } = await createSampleDisk(folder.path);
  const file = await open(rawFile, 'r');
  for await (const part of cutDisk(file, sizeBytes).parts) {
    assert.equal(part.number, 0);
    break;
  }
  await file.close();
});
