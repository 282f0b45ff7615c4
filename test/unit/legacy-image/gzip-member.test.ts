import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { looksLikeMember, presumeOffsets } from '../../../edge-agent/legacy-image/gzip-member.ts';

const GIB = 1024 ** 3;

/** A part of which nothing is known but its size and its last bytes. */
function endOf(sizeBytes: number, isize: number): { sizeBytes: number; tail: Buffer } {
  const tail = Buffer.alloc(8, 0xee);
  tail.writeUInt32LE(isize, 4);
  return { sizeBytes, tail };
}

test('formats §2: ISIZE gives every part’s offset', () => {
  const parts = [endOf(1000, 3_000_000), endOf(GIB, 4 * GIB - 1), endOf(20, 0), endOf(500_000, 500_000)];
  assert.deepEqual(presumeOffsets(parts), [
    0,
    3_000_000,
    3_000_000 + 4 * GIB - 1,
    3_000_000 + 4 * GIB - 1,
    4_298_467_295,
  ]);
});

test('formats §2: ISIZE is modulo 2^32: a part larger than it can hold has wrapped', () => {
  // 5 GiB raw, which did not compress below 1 GiB.
  assert.equal(presumeOffsets([endOf(100, 100), endOf(2 * GIB, 5 * GIB - 4 * GIB)]), undefined);
});

test('fault 43: parts too short for a member, and disks larger than the largest', () => {
  assert.equal(presumeOffsets([endOf(19, 0)]), undefined);
  assert.equal(presumeOffsets([{ sizeBytes: 2, tail: Buffer.alloc(2) }]), undefined);
  assert.equal(presumeOffsets(Array.from({ length: 129 }, () => endOf(GIB, 4 * GIB - 1))), undefined);
});

test('what a member may begin with', () => {
  const head = gzipSync('x');
  assert.equal(looksLikeMember(head), true);
  for (const [at, value] of [
    [0, 0],
    [1, 0],
    [2, 7],
    [3, 0x20],
    [3, 0x80],
  ] as const) {
    const other = Buffer.from(head);
    other[at] = value;
    assert.equal(looksLikeMember(other), false, `${value} at ${at}`);
  }
  assert.equal(looksLikeMember(head.subarray(0, 9)), false);
});
