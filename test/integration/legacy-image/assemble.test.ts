/** Putting disks together: the shapes that compressed parts can have, and those that are none. */
import assert from 'node:assert/strict';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { MAX_DISK_BYTES } from '#shared/image/part-layout.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { BLOCK_BYTES } from '../../../edge-agent/legacy-image/remote-file.ts';
import type { ObjectRequest, PartSource } from '../../../edge-agent/ports.ts';
import { DiskWorkers } from '../../../edge-agent/transfer/disk-workers.ts';
import { type AssembleWish, assembleInto } from '../../helpers/assemble-parts.ts';
import { createMemorySource } from '../../helpers/memory-source.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const MIB = 1024 * 1024;

interface Assembled {
  readonly bytes: Buffer;
  readonly attempts: number;
}

interface Wish extends Omit<AssembleWish, 'signal'> {
  readonly signal?: AbortSignal;
}

async function assemble(wish: Wish): Promise<Assembled> {
  await using folder = await createTemporaryFolder();
  const { signal = AbortSignal.timeout(60_000) } = wish;
  return await assembleInto(folder.path, { ...wish, signal }, async ({ disk, sizeBytes, attempts }) => {
    await disk.finish(join(folder.path, 'disk.raw'), 0o444);
    const bytes = await readFile(join(folder.path, 'disk.raw'));
    assert.equal(bytes.length, sizeBytes);
    assert.deepEqual(await readdir(folder.path), ['disk.raw']);
    return { bytes, attempts };
  });
}

const text = (seed: string, lengthBytes: number): Buffer => Buffer.alloc(lengthBytes, `${seed}, not zero. `);
const named = (parts: readonly Buffer[]): Record<string, Buffer> =>
  Object.fromEntries(parts.map((part, i) => [`p${i}`, part]));
/** With `gunzip`'s own answer for reference in kinds.test.ts, here against what was compressed. */
async function assembleParts(parts: readonly Buffer[], more: Partial<Wish> = {}): Promise<Assembled> {
  return assemble({
    type: 'splited_gzip',
    paths: Object.keys(named(parts)),
    source: createMemorySource(named(parts)),
    ...more,
  });
}

function assertCorrupt(parts: readonly Buffer[], why: RegExp, type: DiskFileType = 'splited_gzip'): Promise<void> {
  return assert.rejects(
    assembleParts(parts, { type }),
    (error) => hasCode(error, 'PART_CORRUPT') && why.test(error.message),
    String(why),
  );
}

test('formats §2: independent members are fetched, inflated and written at once', async () => {
  const raws = ['a', 'b', 'c', 'd'].map((seed) => text(seed, 3 * MIB + 7));
  const parts = named(raws.map((raw) => gzipSync(raw)));
  const laterWritten = Promise.withResolvers<undefined>();
  // The first part does not come before the last one was written: in order, it never would.
  const source = createMemorySource(parts, async ({ path, range }) => {
    const isBlock = range !== undefined && 'offsetBytes' in range && range.lengthBytes > 10;
    if (path === 'p0' && isBlock) await laterWritten.promise;
  });
  let writtenBytes = 0;
  const onWritten = (bytes: number): void => {
    writtenBytes += bytes;
    if (writtenBytes === 3 * (3 * MIB + 7)) laterWritten.resolve(undefined);
  };
  const { bytes, attempts } = await assemble({ type: 'splited_gzip', paths: Object.keys(parts), source, onWritten });
  assert.ok(bytes.equals(Buffer.concat(raws)));
  assert.equal(attempts, 1);
});

test('formats §2: one stream cut in pieces is inflated in order, at once fetched', async () => {
  const raw = Buffer.concat([text('x', 5 * MIB), Buffer.alloc(3 * MIB), text('y', MIB + 1)]);
  const stream = gzipSync(raw, { level: 0 });
  const pieces = [stream.subarray(0, 4 * MIB), stream.subarray(4 * MIB, 4 * MIB + 1), stream.subarray(4 * MIB + 1)];
  let waiting = 0;
  const both = Promise.withResolvers<undefined>();
  const source = createMemorySource(named(pieces), async ({ range }) => {
    if (range === undefined || !('offsetBytes' in range) || range.lengthBytes === 10) return;
    waiting++;
    if (waiting === 2) both.resolve(undefined);
    await both.promise;
  });
  const { bytes, attempts } = await assemble({ type: 'splited_gzip', paths: ['p0', 'p1', 'p2'], source });
  assert.ok(bytes.equals(raw));
  assert.equal(attempts, 1, 'the second piece told');
});

test('formats §2: a piece of a stream that looks like a member is none: it is inflated in order', async () => {
  // Stored, not compressed: the disk has a whole gzip file in it, and the cut lies at its beginning.
  const inner = gzipSync(text('inner', 1000));
  const raw = Buffer.concat([text('before', 10_000), inner, text('after', 10_000)]);
  const stream = gzipSync(raw, { level: 0 });
  const at = stream.indexOf(inner.subarray(0, 10), 10);
  const { bytes, attempts } = await assembleParts([stream.subarray(0, at), stream.subarray(at)]);
  assert.ok(bytes.equals(raw));
  assert.equal(attempts, 2);
});

test('formats §2: concatenated members inside of a part are legal', async () => {
  const raws = ['a', 'b', 'c', 'd', 'e'].map((seed, i) => text(seed, 100_000 + i));
  const [a, b, c, d, e] = raws.map((raw) => gzipSync(raw));
  assert.ok(a && b && c && d && e);
  const inParts = await assembleParts([Buffer.concat([a, b]), c, Buffer.concat([d, e])]);
  assert.ok(inParts.bytes.equals(Buffer.concat(raws)));
  const inOne = await assembleParts([Buffer.concat([a, b, c, d, e])], { type: 'gzip' });
  assert.ok(inOne.bytes.equals(Buffer.concat(raws)));
  const withEmpty = await assembleParts([Buffer.concat([gzipSync(''), a]), b]);
  assert.deepEqual([withEmpty.bytes.length, withEmpty.attempts], [200_001, 1]);
});

test('formats §2: nothing stays of parts that were written to the wrong place', async () => {
  const [first, zeros, last] = [text('first', 200_000), Buffer.alloc(200_000), text('last', 200_000)];
  const parts = named([Buffer.concat([gzipSync(first), gzipSync(zeros)]), gzipSync(last)]);
  const lastWritten = Promise.withResolvers<undefined>();
  const source = createMemorySource(parts, async ({ path, range }) => {
    if (path === 'p0' && range !== undefined && 'offsetBytes' in range) await lastWritten.promise;
  });
  const onWritten = (): void => lastWritten.resolve(undefined);
  const { bytes, attempts } = await assemble({ type: 'splited_gzip', paths: ['p0', 'p1'], source, onWritten });
  assert.ok(bytes.equals(Buffer.concat([first, zeros, last])));
  assert.equal(attempts, 2);
});

test('formats §2: members whose header has a name, a comment, a checksum of its own', async () => {
  const [a, b] = [gzipSync(text('a', 5000)), gzipSync(text('b', 5000))];
  const head = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0x1c]),
    a.subarray(4, 10),
    Buffer.from('\x02\0xy', 'latin1'),
  ]);
  const withNames = Buffer.concat([head, Buffer.from('frontend.vda\0a comment\0'), a.subarray(10)]);
  const { bytes, attempts } = await assembleParts([withNames, b]);
  assert.ok(bytes.equals(Buffer.concat([text('a', 5000), text('b', 5000)])));
  assert.equal(attempts, 1);
});

test('formats §2: a member of more than 4 GiB, whose ISIZE has wrapped', { timeout: 120_000 }, async () => {
  const zeros = Buffer.alloc(64 * MIB);
  const repeats = 68;
  const chunk = deflateRawSync(zeros, { finishFlush: constants.Z_FULL_FLUSH, level: 1 });
  let crc = 0;
  for (let i = 0; i < repeats; i++) crc = crc32(zeros, crc);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  const largeBytes = repeats * zeros.length;
  trailer.writeUInt32LE(largeBytes % 2 ** 32, 4);
  const large = Buffer.concat([
    gzipSync('').subarray(0, 10),
    ...Array.from({ length: repeats }, () => chunk),
    deflateRawSync(''),
    trailer,
  ]);
  const last = text('last', 100_000);
  await using folder = await createTemporaryFolder();
  const source = createMemorySource(named([large, gzipSync(last)]));
  const wish = { type: 'splited_gzip', paths: ['p0', 'p1'], source, signal: AbortSignal.timeout(120_000) } as const;
  await assembleInto(folder.path, wish, async ({ disk, sizeBytes, attempts }) => {
    assert.equal(sizeBytes, largeBytes + last.length);
    assert.ok((await disk.read(largeBytes, last.length)).equals(last));
    assert.ok((await disk.read(largeBytes - MIB, MIB)).equals(Buffer.alloc(MIB)));
    assert.equal(attempts, 2);
  });
});

test('fault 3: a compressed disk that ends too early', async () => {
  const whole = gzipSync(text('x', 300_000), { level: 0 });
  for (const type of ['gzip', 'splited_gzip'] as const) {
    await assertCorrupt([whole.subarray(0, -1)], /ends too early/, type);
    await assertCorrupt([whole.subarray(0, 100_000)], /ends too early/, type);
    await assertCorrupt([whole.subarray(0, 5)], /ends too early/, type);
  }
  await assertCorrupt([whole, whole.subarray(0, -1)], /ends too early/);
  await assertCorrupt([whole.subarray(0, 1000), whole.subarray(1000, -20)], /ends too early/);
  await assertCorrupt([Buffer.alloc(0)], /has 0 bytes/);
});

test('fault 3: bytes after the end of a compressed disk', async () => {
  const whole = gzipSync(text('x', 3000));
  for (const more of ['garbage', '\0\0\0', '\0garbage', '\x1f', '\x1f\x8b\x08\0']) {
    const added = Buffer.from(more, 'latin1');
    await assertCorrupt([Buffer.concat([whole, added])], /damaged|after its end|too early/, 'gzip');
    await assertCorrupt([whole, added], /damaged|after its end|too early/);
    await assertCorrupt([Buffer.concat([whole, added]), whole], /damaged|after its end|too early/);
  }
  await assertCorrupt([whole, Buffer.alloc(3 * BLOCK_BYTES)], /after its end/);
});

test('fault 5: a flipped bit anywhere in a compressed disk is found', async () => {
  const parts = [gzipSync(text('a', 20_000)), gzipSync(text('b', 20_000))];
  for (let at = 0; at < (parts[1]?.length ?? 0); at++) {
    // The time and the system that it was made on are nobody's business, nor is a hint at the level.
    if (at >= 4 && at < 10) continue;
    const flipped = Buffer.from(parts[1] ?? '');
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    const corrupted = [parts[0] ?? flipped, flipped];
    await assert.rejects(assembleParts(corrupted), (error) => hasCode(error, 'PART_CORRUPT'), `byte ${at}`);
  }
});

test('fault 43: a disk larger than the largest is refused before anything is fetched', async () => {
  const huge = (sizeBytes: number) => {
    const requests: ObjectRequest[] = [];
    const source: PartSource = {
      fetch(request) {
        requests.push(request);
        const delivery = { edgeLocation: undefined, cacheHit: undefined };
        return Promise.resolve({ bytes: Buffer.alloc(8), sizeBytes, version: undefined, delivery });
      },
    };
    return { source, requests };
  };
  const two = huge(300 * 1024 ** 3);
  await assert.rejects(assemble({ type: 'splited', paths: ['a', 'b'], source: two.source }), (error) =>
    hasCode(error, 'IMAGE_NOT_COMPLIANT'),
  );
  assert.ok(two.requests.every(({ range }) => range !== undefined && 'lastBytes' in range));
  for (const sizeBytes of [2 ** 53, 600 * 1024 ** 3, -1, NaN, 0.5]) {
    const { source } = huge(sizeBytes);
    await assert.rejects(assemble({ type: 'raw', paths: ['a'], source }), (error) => hasCode(error, 'PART_CORRUPT'));
  }
});

test('fault 44: a bomb stops at the largest disk, whatever its members say', async () => {
  await using folder = await createTemporaryFolder();
  const file = join(folder.path, 'disk.raw');
  await using handle = await open(file, 'w');
  await using workers = new DiskWorkers(1);
  await using stream = workers.openStream(undefined);
  const bomb = gzipSync(Buffer.alloc(2 * MIB, 'x'));
  const place = { fileDescriptor: handle.fd, offsetBytes: MAX_DISK_BYTES - 10, endBytes: MAX_DISK_BYTES };
  await assert.rejects(stream.feed({ ...place, bytes: bomb, expectedSha256: undefined, wantsState: false }), (error) =>
    hasCode(error, 'IMAGE_NOT_COMPLIANT'),
  );
  assert.equal((await handle.stat()).blocks, 0);
});

test('fault 44: a member that goes on beyond its ISIZE does not write into the next', async () => {
  const raw = text('bomb', 10 * MIB);
  const bomb = Buffer.from(gzipSync(raw));
  bomb.writeUInt32LE(1000, bomb.length - 4);
  const next = gzipSync(text('next', 1000));
  const written: number[] = [];
  const parts = named([bomb, next]);
  const isNextWritten = Promise.withResolvers<undefined>();
  const source = createMemorySource(parts, async ({ path, range }) => {
    if (path === 'p0' && range !== undefined && 'offsetBytes' in range) await isNextWritten.promise;
  });
  const onWritten = (bytes: number): void => {
    written.push(bytes);
    isNextWritten.resolve(undefined);
  };
  // In the end it is its own trailer that belies it.
  await assert.rejects(assemble({ type: 'splited_gzip', paths: ['p0', 'p1'], source, onWritten }), (error) =>
    hasCode(error, 'PART_CORRUPT'),
  );
  assert.deepEqual(written, [1000], 'only the next part was written');
});

test('requests at once are bounded', async () => {
  for (const type of ['splited', 'splited_gzip'] as const) {
    const raws = Array.from({ length: 20 }, (_, i) => text(`${i}`, 100_000));
    const parts = named(type === 'splited' ? raws : raws.map((raw) => gzipSync(raw)));
    const slowly = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const probes = createMemorySource(parts);
    const blocks = createMemorySource(parts, slowly);
    const source: PartSource = {
      fetch(request, signal) {
        const isProbe = request.range !== undefined && 'lastBytes' in request.range;
        return (isProbe ? probes : blocks).fetch(request, signal);
      },
    };
    const { bytes } = await assemble({ type, paths: Object.keys(parts), source, connections: 3 });
    assert.ok(bytes.equals(Buffer.concat(raws)));
    assert.equal(blocks.mostAtOnce(), 3);
  }
});

test('an abort is heard at once, by its reason, and nothing is left', async () => {
  const raw = text('x', 20 * MIB);
  const compressed = gzipSync(raw, { level: 0 });
  for (const type of ['raw', 'gzip', 'splited_gzip'] as const) {
    const stop = new AbortController();
    const reason = new EdgebootError('SHUTDOWN', 'stopped');
    const source = createMemorySource(
      type === 'raw' ? { a: raw } : { a: compressed, b: compressed },
      async ({ range }, signal) => {
        if (range === undefined || !('offsetBytes' in range) || range.offsetBytes === 0) return;
        const aborted = Promise.withResolvers<undefined>();
        signal.addEventListener('abort', () => aborted.resolve(undefined));
        setImmediate(() => stop.abort(reason));
        await aborted.promise;
      },
    );
    const paths = type === 'splited_gzip' ? ['a', 'b'] : ['a'];
    await assert.rejects(assemble({ type, paths, source, signal: stop.signal }), (error) => error === reason);
  }
});

test('fault 18: a file that is replaced meanwhile is noticed', async () => {
  const files = { a: text('x', 20 * MIB) };
  let version = 0;
  const memory = createMemorySource(files);
  const source: PartSource = {
    async fetch(request, signal) {
      const fetched = await memory.fetch(request, signal);
      const isLater = request.range !== undefined && 'offsetBytes' in request.range && request.range.offsetBytes > 0;
      return { ...fetched, version: `v${isLater ? ++version : 0}` };
    },
  };
  await assert.rejects(
    assemble({ type: 'raw', paths: ['a'], source }),
    (error) => hasCode(error, 'PART_CORRUPT') && /replaced while/.test(error.message),
  );
});

test('the first failure of a source ends it, and comes out as it is', async () => {
  for (const type of ['splited', 'splited_gzip'] as const) {
    const raws = Array.from({ length: 6 }, (_, i) => text(`${i}`, 100_000));
    const parts = named(type === 'splited' ? raws : raws.map((raw) => gzipSync(raw)));
    const source = createMemorySource(parts, ({ path, range }) => {
      const isBlock = range !== undefined && 'offsetBytes' in range && range.lengthBytes > 10;
      if (path === 'p3' && isBlock) return Promise.reject(new EdgebootError('FORBIDDEN', 'no more'));
      return Promise.resolve();
    });
    await assert.rejects(assemble({ type, paths: Object.keys(parts), source }), (error) => hasCode(error, 'FORBIDDEN'));
  }
});
