import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { parseVcdb, writeVcdb } from '#shared/vc-xml/vcdb.ts';

const parse = (text: string) => parseVcdb(Buffer.from(text));

function assertRefused(text: string, why: RegExp): void {
  assert.throws(
    () => parse(text),
    (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && why.test(error.message),
  );
}

test('formats §3: one name and path a line; comments, blank lines and any line end are tolerated', () => {
  const entries = parse(
    '\uFEFF# clusters\r\nrocks-sge,rocks-sge/rocks-sge.xml\r\n\r\n  # more\nWA_Dock.v2 , /vc/dock.xml \n',
  );
  assert.deepEqual(entries, [
    { name: 'rocks-sge', path: 'rocks-sge/rocks-sge.xml', kind: 'description' },
    { name: 'WA_Dock.v2', path: '/vc/dock.xml', kind: 'description' },
  ]);
  assert.deepEqual(parse(''), []);
});

test('a file of another host has an address', () => {
  const path = 'https://images.example.org:8443/vc/dock.xml';
  assert.deepEqual(parse(`dock,${path}`), [{ name: 'dock', path, kind: 'description' }]);
});

test('a path that ends in .json is a signed manifest', () => {
  const path = `images/01JD0000000000000000000000/manifests/${'0'.repeat(64)}.json`;
  assert.deepEqual(parse(`hpc-base,${path}`), [{ name: 'hpc-base', path, kind: 'manifest' }]);
});

test('fault 42: names and paths pass an allow-list', () => {
  const bad = [
    ...['name', 'name,', ',path', '../x,path', 'a b,path', '.x,path', 'a\u0000,path', `${'a'.repeat(64)},path`],
    ...[
      'x,../path',
      'x,a/../b',
      'x,//a',
      'x,a;b',
      'x,http://u@h/p',
      'x,http://h/../p',
      'x,http://h/p?q',
      'x,ftp://h/p',
      'x,file:///p',
      'x,$(x)',
      'x,a,b',
      'x,.hidden',
      'x,a b',
    ],
  ];
  for (const line of bad) assertRefused(`good,path.xml\n${line}\n`, /in line 2/);
});

test('names that are there twice, and too many of them', () => {
  assertRefused('a,b\nc,d\na,e', /name a twice, in line 3/);
  assertRefused(Array.from({ length: 10_001 }, (_, i) => `n${i},p`).join('\n'), /more than 10000 entries/);
  assertRefused('#'.repeat(1024 * 1024 + 1), /more than 1048576 bytes/);
});

test('what is written reads back', () => {
  const entries = [
    { name: 'rocks-sge', path: 'rocks-sge/rocks-sge.xml' },
    { name: 'B', path: 'b.xml' },
  ];
  assert.equal(writeVcdb(entries), 'rocks-sge,rocks-sge/rocks-sge.xml\nB,b.xml\n');
  assert.deepEqual(
    parse(writeVcdb(entries)),
    entries.map((entry) => ({ ...entry, kind: 'description' })),
  );
  assert.throws(() => writeVcdb([{ name: 'a,b', path: 'c' }]), RangeError);
});
