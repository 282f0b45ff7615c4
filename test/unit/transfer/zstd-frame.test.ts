import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { isOneWholeFrame } from '../../../edge-agent/transfer/zstd-frame.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';

const random = seededRandom(7);
const noise = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
const CONTENTS = {
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  zeros: Buffer.alloc(300_000),
  text: Buffer.from('a virtual cluster '.repeat(20_000)),
  'what does not compress': noise(300_000),
  'several blocks of several kinds': Buffer.concat([noise(150_000), Buffer.alloc(400_000), noise(10)]),
};
const KINDS = {
  plain: {},
  'with a checksum': { [constants.ZSTD_c_checksumFlag]: 1 },
  'without its size': { [constants.ZSTD_c_contentSizeFlag]: 0 },
};

for (const [kind, params] of Object.entries(KINDS)) {
  test(`a frame ${kind} is one whole frame; cut, or with something behind it, it is none`, () => {
    for (const [name, content] of Object.entries(CONTENTS)) {
      const frame = zstdCompressSync(content, { params });
      assert.ok(isOneWholeFrame(frame), name);
      // At another place of a larger memory.
      const all = Buffer.concat([Buffer.from('xyz'), frame]);
      assert.ok(isOneWholeFrame(all.subarray(3)), name);
      for (const cut of [1, 2, 4, 5, frame.length - 1]) assert.ok(!isOneWholeFrame(frame.subarray(0, -cut)), name);
      assert.ok(!isOneWholeFrame(Buffer.concat([frame, Buffer.from([0])])), name);
      assert.ok(!isOneWholeFrame(Buffer.concat([frame, frame])), name);
    }
  });
}

test('what is no frame', () => {
  for (const bytes of [[], [0x28], [0x28, 0xb5, 0x2f, 0xfd], [0x29, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0]]) {
    assert.ok(!isOneWholeFrame(Uint8Array.from(bytes)));
  }
  // The last block is of the reserved type.
  assert.ok(!isOneWholeFrame(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 7, 0, 0])));
});
