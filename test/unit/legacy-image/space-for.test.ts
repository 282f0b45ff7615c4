/** What an older image needs, as far as its files tell before they are fetched. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { spaceFor } from '../../../edge-agent/legacy-image/space-for.ts';

const MIB = 1024 * 1024;
const endOf = (file: Buffer) => ({ sizeBytes: file.length, tail: file.subarray(-8) });

test('a raw disk takes no more than its size; how much of it is zero, nobody knows', () => {
  const files = [endOf(Buffer.alloc(MIB)), endOf(Buffer.alloc(100))];
  for (const type of ['raw', 'splited'] as const) {
    assert.deepEqual(spaceFor(type, files), { leastBytes: 0, expectedBytes: MIB + 100 });
  }
});

test('a compressed one takes at least what is left of it, and no more than its end says', () => {
  const text = Buffer.from(Array.from({ length: 1000 }, (_, i) => hash('sha256', `${i}`)).join(''));
  const file = endOf(gzipSync(text));
  const { leastBytes, expectedBytes } = spaceFor('gzip', [file]);
  assert.equal(leastBytes, file.sizeBytes);
  assert.equal(expectedBytes, text.length);
  assert.ok(leastBytes < text.length);
  const twice = spaceFor('splited_gzip', [file, file]);
  assert.deepEqual(twice, { leastBytes: 2 * leastBytes, expectedBytes: 2 * expectedBytes });
});

test('zeros do not count: an empty disk of any size is small', () => {
  const file = endOf(gzipSync(Buffer.alloc(64 * MIB)));
  assert.ok(spaceFor('gzip', [file]).expectedBytes < MIB);
});

test('an end that is none, as of a stream cut in pieces, tells nothing', () => {
  const piece = { sizeBytes: 100 * MIB, tail: Buffer.alloc(8) };
  assert.deepEqual(spaceFor('splited_gzip', [piece]), { leastBytes: 100 * MIB, expectedBytes: 400 * MIB });
});
