/** What operators type: sizes, and names of images. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectBases } from '../../../edge-agent/cache/select-bases.ts';
import { parseSizeBytes } from '../../../edge-agent/core/size-text.ts';

test('a size is a number of GiB, or has a unit', () => {
  const sizes = ['1', '0', '0.5', '200 GiB', '1.5T', '500MB', '1kib', '7b', ' 2 tb '].map(parseSizeBytes);
  assert.deepEqual(sizes, [2 ** 30, 0, 2 ** 29, 200 * 2 ** 30, 1.5 * 2 ** 40, 5e8, 1024, 7, 2e12]);
  for (const text of ['', 'GiB', '-1', '1e3', '1 ZB', '1 bib', '1.', '0x10', '1 GiB 2', '9999999 TiB', '1\n2']) {
    assert.equal(parseSizeBytes(text), undefined, JSON.stringify(text));
  }
});

const bases = [
  {
    base: `aaaaaa1${'0'.repeat(57)}`,
    images: [
      { name: 'hpc', version: 2 },
      { name: 'hpc', version: 1 },
    ],
  },
  { base: `aaaaaa2${'0'.repeat(57)}`, images: [{ name: 'hpc', version: 1 }] },
  { base: `bbbbbb3${'0'.repeat(57)}`, images: [{ name: 'rocks-sge' }] },
  { base: `cccccc4${'0'.repeat(57)}`, images: [{ name: 'bbbbbb3' }] },
];
const select = (...words: string[]): number[] => selectBases(bases, words).map((one) => bases.indexOf(one));

test('images are meant by name, version, or the beginning of a digest; all where none is named', () => {
  assert.deepEqual(select(), [0, 1, 2, 3]);
  assert.deepEqual(select('hpc'), [0, 1]);
  assert.deepEqual(select('hpc@2'), [0]);
  assert.deepEqual(select('hpc@1', 'hpc'), [0, 1], 'each once');
  assert.deepEqual(select('aaaaaa1', 'rocks-sge'), [0, 2]);
  assert.deepEqual(select('bbbbbb3'), [3], 'a name comes before a digest');
});

test('what names nothing, or not one thing, is refused', () => {
  for (const word of ['hpc@3', 'rocks', 'rocks-sge@1', '', 'bbbbb', 'BBBBBB3', 'ffffff', '../etc', '-']) {
    assert.throws(() => select(word), { code: 'NOT_FOUND' }, word);
  }
  assert.throws(() => select('aaaaaa'), { code: 'USAGE', message: /2 digests/ });
});
