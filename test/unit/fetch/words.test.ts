import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { parseMemorySize } from '../../../edge-agent/fetch/memory-size.ts';
import { describeEdges, describeTransfer } from '../../../edge-agent/fetch/show-transfer.ts';
import { startReport } from '../../../edge-agent/transfer/transfer-report.ts';

test('a transfer in words', () => {
  const edges = [{ edgeLocation: 'NRT57-C1', hits: 3, misses: 1, unknown: 0 }];
  const report = { ...startReport(200e6), fetchedBytes: 100e6, fetchedObjects: 4, edges };
  assert.equal(
    describeTransfer(report, 50e6),
    '100.0 MB of 200.0 MB, 4 parts, 50.0 MB/s, 2 s left, NRT57-C1 75 % hits',
  );
  const plain = { ...startReport(10), edges: [{ edgeLocation: undefined, hits: 0, misses: 0, unknown: 4 }] };
  assert.equal(describeEdges(plain), '');
  assert.equal(describeTransfer(plain, 0), '0 B of 10 B, 0 parts, 0 B/s');
});

test('the more memory a process may have, the more is on its way', () => {
  const sizes = ['128M', '256MiB', '384M', '1G'].map(parseMemorySize);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  assert.equal((sizes[2] ?? 0) - (sizes[1] ?? 0), 128);
});

test('sizes that are none, and too small ones', () => {
  for (const text of ['', '128', '64M', '0M', '-1G', '128K', '99999G', '1e3M']) {
    assert.throws(
      () => parseMemorySize(text),
      (error) => hasCode(error, 'USAGE'),
      text,
    );
  }
});
