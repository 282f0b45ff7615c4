import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';
import { FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';
import { createAllocatingDecoder, createFrameDecoder } from '../../../edge-agent/transfer/frame-decoder.ts';

const raw = Buffer.alloc(FRAME_SIZE_BYTES, 'edgeboot ');
const frame = zstdCompressSync(raw);

/** Both the fast one and its fallback. */
const decoders = [
  ['reusing', createFrameDecoder(FRAME_SIZE_BYTES)],
  ['allocating', createAllocatingDecoder()],
] as const;

for (const [name, decoder] of decoders) {
  test(`${name}: frames of all sizes decode, one after another`, () => {
    for (const size of [1, 512, 65_536, 100_000, FRAME_SIZE_BYTES, 512]) {
      const expected = raw.subarray(0, size);
      assert.ok(decoder.decode(zstdCompressSync(expected), size)?.equals(expected));
    }
  });

  test(`${name}: frames that do not tell their size, and end in an empty block, decode`, async () => {
    const stream = createZstdCompress();
    stream.write(raw);
    stream.flush();
    stream.end();
    const flushed = await buffer(stream);
    assert.ok(decoder.decode(flushed, raw.length)?.equals(raw));
    assert.equal(decoder.decode(flushed, raw.length - 1), undefined);
    assert.ok(decoder.decode(flushed, raw.length)?.equals(raw));
  });

  test(`${name}: what is not exactly the declared size is refused, and the next frame decodes`, () => {
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    const cases: readonly (readonly [Buffer, number])[] = [
      [bomb, FRAME_SIZE_BYTES],
      [frame, FRAME_SIZE_BYTES - 1],
      [frame, FRAME_SIZE_BYTES - 512],
      [zstdCompressSync(raw.subarray(0, 100)), FRAME_SIZE_BYTES],
      [frame.subarray(0, frame.length - 5), FRAME_SIZE_BYTES],
      [Buffer.concat([frame, frame]), FRAME_SIZE_BYTES],
      [Buffer.alloc(100, 7), FRAME_SIZE_BYTES],
      [Buffer.alloc(0), FRAME_SIZE_BYTES],
    ];
    for (const [bytes, size] of cases) {
      assert.equal(decoder.decode(bytes, size), undefined);
      assert.ok(decoder.decode(frame, raw.length)?.equals(raw));
    }
  });

  test(`${name}: a frame that wants a huge window is refused`, () => {
    const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const wide = zstdCompressSync(Buffer.alloc(200 * 1024 * 1024), { params });
    assert.equal(decoder.decode(wide, FRAME_SIZE_BYTES), undefined);
  });
}

test('this Node has what the fast decoder needs: one buffer serves all frames', () => {
  const decoder = createFrameDecoder(FRAME_SIZE_BYTES);
  const first = decoder.decode(frame, raw.length);
  const second = decoder.decode(frame, raw.length);
  assert.ok(first !== undefined && first.buffer === second?.buffer);
});
