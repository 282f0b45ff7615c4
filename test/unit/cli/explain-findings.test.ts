import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFindings } from '../../../cli/explain-findings.ts';

test('formats §1: each rule is explained: what was found, what it is, what to do, and what could not be checked', () => {
  const text = explainFindings([
    { rule: 'size', ok: true, message: '512 bytes' },
    { rule: 'raw-format', ok: false, message: 'the disk is a qcow2 image, not a raw disk', remedy: 'Import it.' },
  ]);
  const lines = text.split('\n');
  assert.deepEqual(
    lines.filter((line) => !line.startsWith(' ')),
    [
      'ok    size              512 bytes',
      'fail  raw-format        the disk is a qcow2 image, not a raw disk',
      '-     partition-table   not checked, since an earlier rule is broken',
      '-     root-file-system  not checked, since an earlier rule is broken',
    ],
  );
  assert.equal(lines.filter((line) => /^ {24}rule: ./.test(line)).length, 4);
  assert.deepEqual(
    lines.filter((line) => line.includes('do: ')),
    ['                        do:   Import it.'],
  );
});
