/** What an edge, or the way to it, may do wrong: each fault ends in a complete image or in a clear error, never in a wrong byte. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, hasCode } from '#shared/errors.ts';
import { createEdgeFixture } from '../../helpers/edge-fixture.ts';
import type { Fault, SeenRequest } from '../../helpers/part-server.ts';
import { SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';
import { flowOf } from '../../helpers/flow.ts';

const signal = AbortSignal.timeout(60_000);
const PAST = new Date('2100-01-01T00:00:00Z');

/** The fault once for each part: the first time that it is asked for. */
function onceForEachPart(fault: Fault): (request: SeenRequest) => Fault | undefined {
  const seen = new Set<string>();
  return ({ path }) => {
    if (!path.includes('/parts/') || seen.has(path)) return undefined;
    seen.add(path);
    return fault;
  };
}
const alwaysForParts =
  (fault: Fault) =>
  ({ path }: SeenRequest): Fault | undefined =>
    path.includes('/parts/') ? fault : undefined;

/** By row of the fault matrix. */
const passing: readonly (readonly [row: number, Fault])[] = [
  ...[0, 0.001, 0.3, 0.7, 0.999].map((after) => [1, { kind: 'reset', after }] as const),
  [3, { kind: 'truncated' }],
  [3, { kind: 'short-without-length' }],
  [3, { kind: 'wrong-length' }],
  [5, { kind: 'bit-flip' }],
  [6, { kind: 'endless' }],
  [7, { kind: 'status', status: 503 }],
  [7, { kind: 'status', status: 429 }],
  [7, { kind: 'status', status: 500 }],
  [8, { kind: 'redirect', location: 'http://192.0.2.1/elsewhere' }],
  [11, { kind: 'denied', code: 'AccessDenied', date: PAST }],
  [12, { kind: 'denied', code: 'AccessDenied', date: new Date() }],
  [12, { kind: 'denied', code: 'InvalidKey', date: new Date() }],
];
for (const [row, fault] of passing) {
  test(`fault ${row}: what passes does no harm: ${JSON.stringify(fault)}`, async () => {
    await using edge = await createEdgeFixture({ faultOf: onceForEachPart(fault) });
    const { sample, source } = edge;
    await using opened = await edge.images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal });
    await opened.image.fetchAll({ flow: flowOf(8), signal });
    assert.ok((await readFile(sample.rawFile)).equals(await readFile(opened.image.file)));
    assert.ok(edge.renewals() <= 1, 'one renewal serves all parts');
    assert.equal(edge.renewals() === 1, fault.kind === 'denied');
  });
}

test('fault 4: a wrong Content-Range is refused, and asked for again', async () => {
  await using edge = await createEdgeFixture({ faultOf: onceForEachPart({ kind: 'wrong-range' }) });
  const { sample, source } = edge;
  await using opened = await edge.images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal });
  const bytes = await opened.image.read(0, 512, signal);
  assert.ok(bytes.equals((await readFile(sample.rawFile)).subarray(0, 512)));
  assert.equal(edge.server.requests.filter(({ range }) => range !== undefined).length, 2);
});

interface Lasting {
  readonly row: number;
  readonly fault: Fault;
  readonly code: ErrorCode;
  readonly requestsForAPart: number;
}

const lasting: readonly Lasting[] = [
  // The first copy, and three more.
  { row: 5, fault: { kind: 'bit-flip' }, code: 'PART_CORRUPT', requestsForAPart: 4 },
  { row: 6, fault: { kind: 'endless' }, code: 'PART_CORRUPT', requestsForAPart: 4 },
  { row: 13, fault: { kind: 'status', status: 404 }, code: 'NOT_FOUND', requestsForAPart: 1 },
  {
    row: 12,
    fault: { kind: 'denied', code: 'AccessDenied', date: new Date() },
    code: 'FORBIDDEN',
    requestsForAPart: 2,
  },
  { row: 11, fault: { kind: 'denied', code: 'AccessDenied', date: PAST }, code: 'FORBIDDEN', requestsForAPart: 2 },
  { row: 12, fault: { kind: 'denied', code: 'MissingKey', date: new Date() }, code: 'FORBIDDEN', requestsForAPart: 2 },
];
for (const { row, fault, code, requestsForAPart } of lasting) {
  test(`fault ${row}: what lasts ends in ${code}: ${JSON.stringify(fault)}`, async () => {
    await using edge = await createEdgeFixture({ faultOf: alwaysForParts(fault) });
    const { sample, source } = edge;
    await using opened = await edge.images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal });
    const transfer = opened.image.fetchAll({ flow: flowOf(1), signal });
    await assert.rejects(transfer, (error) => {
      assert.ok(hasCode(error, code), String(error));
      assert.doesNotMatch(error.message, /Signature|Policy|Key-Pair-Id/, 'the grant is a secret');
      return true;
    });
    const byPath = Map.groupBy(edge.server.requests, ({ path }) => path);
    assert.equal(Math.max(...[...byPath.values()].map((requests) => requests.length)), requestsForAPart);
    assert.ok(!(await readdir(dirname(opened.image.file))).includes('disk.raw'));
  });
}

test('a corrupt frame index is fetched again, and never kept', async () => {
  await using edge = await createEdgeFixture({
    faultOf: ({ number }) => (number < 2 ? { kind: 'bit-flip' } : undefined),
  });
  const { sample, source } = edge;
  await using opened = await edge.images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal });
  assert.equal(edge.server.requests.length, 3);
  assert.equal(opened.image.complete, false);
});
