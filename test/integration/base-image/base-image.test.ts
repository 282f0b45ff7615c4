/** The base image over real sockets: complete, resumed, shared, read on demand. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import type { PartSource } from '../../../edge-agent/ports.ts';
import { createEdgeFixture, type EdgeFixture } from '../../helpers/edge-fixture.ts';
import { SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';
import { flowOf } from '../../helpers/flow.ts';

const signal = AbortSignal.timeout(60_000);
const openOptions = ({ sample, source }: EdgeFixture) => ({
  disk: sample.disk,
  imageId: SAMPLE_IMAGE_ID,
  source,
  signal,
});
const partRequests = ({ server }: EdgeFixture) => server.requests.filter(({ path }) => path.includes('/parts/'));

test('a sparse disk is put together again, byte for byte and hole for hole', async () => {
  await using edge = await createEdgeFixture();
  await using opened = await edge.images.open(openOptions(edge));
  assert.equal(opened.image.complete, false);
  const report = await opened.image.fetchAll({ flow: flowOf(4), signal });

  assert.equal(opened.image.complete, true);
  const original = await readFile(edge.sample.rawFile);
  assert.ok(original.equals(await readFile(opened.image.file)));
  const { blocks, mode } = await stat(opened.image.file);
  assert.ok(blocks * 512 < edge.sample.sizeBytes / 2, `${blocks * 512} bytes are allocated`);
  assert.equal(mode & 0o777, 0o444);
  assert.deepEqual((await readdir(dirname(opened.image.file))).sort(), ['disk.raw', 'frame-index']);

  const partBytes = edge.sample.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  assert.equal(report.fetchedBytes, partBytes);
  assert.equal(report.totalBytes, partBytes);
  assert.equal(report.fetchedObjects, edge.sample.parts.length);
  assert.deepEqual(
    report.edges.map(({ edgeLocation, hits, misses, unknown }) => [edgeLocation, hits + misses, unknown]),
    [['TST50-C1', edge.sample.parts.length, 0]],
  );
  assert.ok(
    partRequests(edge).every(({ range }) => range === undefined),
    'whole parts are not asked for by range',
  );
});

test('progress grows to the end', async () => {
  await using edge = await createEdgeFixture();
  await using opened = await edge.images.open(openOptions(edge));
  const seen: number[] = [];
  await opened.image.fetchAll({ flow: flowOf(4), signal, onProgress: (report) => seen.push(report.fetchedBytes) });
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(
    seen.at(-1),
    edge.sample.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
  );
});

test('a complete image is opened again without a single request', async () => {
  await using edge = await createEdgeFixture();
  {
    await using opened = await edge.images.open(openOptions(edge));
    await opened.image.fetchAll({ flow: flowOf(4), signal });
  }
  const source: PartSource = { fetch: () => Promise.reject(new Error('asked')) };
  const later = new BaseImages({ cacheDirectory: edge.cacheDirectory });
  await using opened = await later.open({ ...openOptions(edge), source });
  assert.equal(opened.image.complete, true);
  const report = await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.equal(report.fetchedBytes, 0);
  assert.equal((await opened.image.read(0, 4096, signal)).length, 4096);
});

test('after an abort it goes on where it was, and fetches only what is missing', async () => {
  await using edge = await createEdgeFixture();
  const reason = new Error('enough');
  const stop = new AbortController();
  {
    await using opened = await edge.images.open(openOptions(edge));
    const transfer = opened.image.fetchAll({
      flow: flowOf(1),
      signal: stop.signal,
      onProgress: ({ fetchedObjects }) => {
        if (fetchedObjects === 2) stop.abort(reason);
      },
    });
    await assert.rejects(transfer, reason);
    assert.equal(opened.image.complete, false);
  }
  const before = partRequests(edge).length;
  const fetchedBefore = new Set(partRequests(edge).map(({ path }) => path));
  // As a new process would: nothing is remembered but the files.
  const later = new BaseImages({ cacheDirectory: edge.cacheDirectory });
  await using opened = await later.open(openOptions(edge));
  const report = await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.ok(report.fetchedObjects <= edge.sample.parts.length - 2);
  const repeated = partRequests(edge)
    .slice(before)
    .filter(({ path }) => fetchedBefore.has(path));
  assert.ok(repeated.length <= fetchedBefore.size - 2, 'what was noted is not fetched again');
  assert.ok((await readFile(edge.sample.rawFile)).equals(await readFile(opened.image.file)));
});

test('an abort ends a transfer whose edge is silent, at once', async () => {
  const stop = new AbortController();
  await using edge = await createEdgeFixture({
    faultOf({ path }) {
      if (!path.includes('/parts/')) return undefined;
      stop.abort(new Error('lease lost'));
      return { kind: 'silent' };
    },
  });
  await using opened = await edge.images.open(openOptions(edge));
  await assert.rejects(opened.image.fetchAll({ flow: flowOf(4), signal: stop.signal }), /lease lost/);
});

test('two who open the same disk share one image and one transfer', async () => {
  await using edge = await createEdgeFixture();
  await using first = await edge.images.open(openOptions(edge));
  await using second = await edge.images.open(openOptions(edge));
  assert.equal(first.image, second.image);
  await Promise.all([
    first.image.fetchAll({ flow: flowOf(4), signal }),
    second.image.fetchAll({ flow: flowOf(4), signal }),
  ]);
  assert.equal(partRequests(edge).length, edge.sample.parts.length);
});

test('when one of two leaves, the other’s transfer goes on', async () => {
  await using edge = await createEdgeFixture();
  const first = await edge.images.open(openOptions(edge));
  await using second = await edge.images.open(openOptions(edge));
  const stop = new AbortController();
  const leaving = first.image.fetchAll({ flow: flowOf(1), signal: stop.signal });
  const staying = second.image.fetchAll({ flow: flowOf(1), signal });
  stop.abort(new Error('bye'));
  await assert.rejects(leaving, /bye/);
  await first.close();
  await staying;
  assert.equal(second.image.complete, true);
});

test('a read brings just the frames that it needs, once, each by range', async () => {
  await using edge = await createEdgeFixture();
  await using opened = await edge.images.open(openOptions(edge));
  const original = await readFile(edge.sample.rawFile);
  const from = 2 * PART_SIZE_BYTES + 5 * 1024 * 1024;
  const ranges: readonly (readonly [number, number])[] = [
    [0, 512],
    [100, 300_000],
    [PART_SIZE_BYTES, PART_SIZE_BYTES],
    [from, 700_000],
    [edge.sample.sizeBytes - 1000, 5000],
    [edge.sample.sizeBytes, 10],
  ];
  for (const [offsetBytes, lengthBytes] of ranges) {
    const bytes = await opened.image.read(offsetBytes, lengthBytes, signal);
    assert.ok(bytes.equals(original.subarray(offsetBytes, offsetBytes + lengthBytes)));
  }
  const requests = partRequests(edge);
  assert.ok(requests.every(({ range }) => range !== undefined));
  await opened.image.read(from, 700_000, signal);
  assert.equal(partRequests(edge).length, requests.length, 'what is here is not fetched again');
  await assert.rejects(opened.image.read(-1, 10, signal), RangeError);

  const total = edge.sample.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const report = await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.ok(report.fetchedBytes < total);
  assert.ok(original.equals(await readFile(opened.image.file)));
});

test('readers at the same time fetch each frame once', async () => {
  await using edge = await createEdgeFixture();
  await using opened = await edge.images.open(openOptions(edge));
  await Promise.all(Array.from({ length: 20 }, () => opened.image.read(1000, 200_000, signal)));
  assert.equal(partRequests(edge).length, 1);
});

test('a reader whose neighbor gave up fetches the frame itself', async () => {
  const stop = new AbortController();
  await using edge = await createEdgeFixture({
    faultOf({ number }) {
      if (number !== 1) return undefined;
      stop.abort(new Error('bye'));
      return { kind: 'silent' };
    },
  });
  await using opened = await edge.images.open(openOptions(edge));
  const impatient = opened.image.read(0, 512, stop.signal);
  const patient = opened.image.read(0, 512, signal);
  await assert.rejects(impatient, /bye/);
  assert.equal((await patient).length, 512);
});

test('reads and a whole transfer go side by side', async () => {
  await using edge = await createEdgeFixture();
  await using opened = await edge.images.open(openOptions(edge));
  const original = await readFile(edge.sample.rawFile);
  const transfer = opened.image.fetchAll({ flow: flowOf(2), signal });
  const reads = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const from = Math.floor((edge.sample.sizeBytes / 40) * i);
      return (await opened.image.read(from, 10_000, signal)).equals(original.subarray(from, from + 10_000));
    }),
  );
  await transfer;
  assert.ok(reads.every((equal) => equal));
  assert.ok(original.equals(await readFile(opened.image.file)));
});

test('damaged notes, or a damaged file, are worth nothing: the transfer begins anew', async () => {
  await using edge = await createEdgeFixture();
  const partial = `${edge.images.fileOf(edge.sample.disk)}.partial`;
  {
    await using opened = await edge.images.open(openOptions(edge));
    await opened.image.read(0, 512, signal);
  }
  for (const notes of ['live', 'journal']) await writeFile(`${partial}.${notes}`, 'nonsense');
  await writeFile(partial, Buffer.alloc(edge.sample.sizeBytes, 0xff));
  const later = new BaseImages({ cacheDirectory: edge.cacheDirectory });
  await using opened = await later.open(openOptions(edge));
  await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.ok((await readFile(edge.sample.rawFile)).equals(await readFile(opened.image.file)));
});

test('a manifest whose parts belie a shared index cannot poison the cache', async () => {
  await using edge = await createEdgeFixture();
  // The thief names the victim's index, and parts of his own: same lengths, other bytes.
  const thief: PartSource = {
    async fetch(request, fetchSignal) {
      const fetched = await edge.source.fetch(request, fetchSignal);
      if (request.path.includes('/parts/')) fetched.bytes[10] = (fetched.bytes[10] ?? 0) ^ 1;
      return fetched;
    },
  };
  await using opened = await edge.images.open({ ...openOptions(edge), source: thief });
  await assert.rejects(opened.image.fetchAll({ flow: flowOf(4), signal }), (error) => hasCode(error, 'PART_CORRUPT'));
  assert.deepEqual((await readdir(dirname(opened.image.file))).includes('disk.raw'), false);
});
