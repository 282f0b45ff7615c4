/** What every repository does, of whatever kind: the suite that test/contract/ runs over each, and docs/extending.md over its own. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type ErrorCode, hasCode } from '#shared/errors.ts';
import type { ObjectRequest } from '../../edge-agent/ports.ts';
import type { ClosableSource } from '../../edge-agent/repositories/closing.ts';

export interface RepositoryUnderTest {
  /** Each time anew. */
  open(): Promise<ClosableSource>;
  /** Puts another file in the place of one; whoever opens the repository after that gets the new one. */
  replace(path: string, content: Buffer): Promise<void>;
}

/** Makes a repository with these files, gone when the test has ended. */
export type StartRepository = (t: TestContext, files: ReadonlyMap<string, Buffer>) => Promise<RepositoryUnderTest>;

/** Where signed URLs allow files, too. */
const FOLDER = 'images/01JD0000000000000000000000/parts';
const FILE = `${FOLDER}/disk.vda.gz.a`;
const EMPTY = `${FOLDER}/empty`;
const CONTENT = Buffer.from(Array.from({ length: 100_003 }, (_, i) => (i * 7919) >> 5));
const FILES = new Map([
  [FILE, CONTENT],
  [EMPTY, Buffer.alloc(0)],
]);
const whole: ObjectRequest = { path: FILE, sizeBytes: CONTENT.length };
const undeclared: ObjectRequest = { path: FILE, sizeBytes: undefined, maxBytes: CONTENT.length };
const signal = AbortSignal.timeout(60_000);

const HOSTILE_PATHS = [
  ...['', '/', '.', '..', '../vcdb.txt', `${FOLDER}/../../../etc/passwd`, `${FOLDER}/..`, `./${FILE}`, `/${FILE}`],
  ...['/etc/passwd', `${FOLDER}//disk.vda.gz.a`, `${FILE}/`, `${FILE}\0`, `${FILE}\n`, `${FILE}\r\nX: y`],
  ...[`${FOLDER}/a b`, `${FOLDER}/$(reboot)`, `${FOLDER}/a;b`, `${FOLDER}/\`a\``, `${FOLDER}/a|b`, `${FOLDER}/a\\b`],
  ...[`${FOLDER}/%2e%2e/a`, `${FILE}?x=1`, `${FILE}#x`, '//192.0.2.1/a', 'http://192.0.2.1/a', 'file:///etc/passwd'],
  ...[`${FOLDER}/-rf`, `${FOLDER}/.ssh`, `${FOLDER}/ä`, `${FOLDER}/*`, `${FOLDER}/'a'`, `a/${'b'.repeat(2000)}`],
];

export function testRepository(title: string, start: StartRepository): void {
  const opened = async (t: TestContext): Promise<{ source: ClosableSource; under: RepositoryUnderTest }> => {
    const under = await start(t, FILES);
    const source = await under.open();
    t.after(() => source.close());
    return { source, under };
  };
  const refuses = async (source: ClosableSource, request: ObjectRequest, code: ErrorCode): Promise<void> =>
    assert.rejects(source.fetch(request, signal), (error) => hasCode(error, code) || assert.fail(String(error)));

  describe(title, { concurrency: true }, () => {
    test('a whole file, its size declared or not', async (t) => {
      const { source } = await opened(t);
      for (const request of [whole, undeclared]) {
        const { bytes, sizeBytes, version } = await source.fetch(request, signal);
        assert.ok(bytes.equals(CONTENT));
        assert.equal(sizeBytes, CONTENT.length);
        assert.ok(version !== undefined && version !== '');
      }
    });

    test('ranges, from the first byte to the last', async (t) => {
      const { source } = await opened(t);
      for (const [offsetBytes, lengthBytes] of [
        [0, 1],
        [1000, 70_000],
        [CONTENT.length - 1, 1],
        [0, CONTENT.length],
      ] as const) {
        for (const request of [whole, { path: FILE, sizeBytes: undefined }]) {
          const { bytes, sizeBytes } = await source.fetch({ ...request, range: { offsetBytes, lengthBytes } }, signal);
          assert.ok(bytes.equals(CONTENT.subarray(offsetBytes, offsetBytes + lengthBytes)));
          assert.equal(sizeBytes, CONTENT.length);
        }
      }
    });

    test('the last bytes of a file whose size is not known; all where it has fewer', async (t) => {
      const { source } = await opened(t);
      for (const lastBytes of [1, 8, CONTENT.length, CONTENT.length + 1000]) {
        const { bytes, sizeBytes } = await source.fetch(
          { path: FILE, sizeBytes: undefined, range: { lastBytes } },
          signal,
        );
        assert.ok(bytes.equals(CONTENT.subarray(-lastBytes)));
        assert.equal(sizeBytes, CONTENT.length);
      }
    });

    test('fault 6: another size than declared, or more than is accepted, is refused', async (t) => {
      const { source } = await opened(t);
      for (const sizeBytes of [CONTENT.length - 1, CONTENT.length + 1, 0]) {
        await refuses(source, { path: FILE, sizeBytes }, 'PART_CORRUPT');
        await refuses(source, { path: FILE, sizeBytes, range: { offsetBytes: 0, lengthBytes: 10 } }, 'PART_CORRUPT');
        await refuses(source, { path: FILE, sizeBytes, range: { lastBytes: 10 } }, 'PART_CORRUPT');
      }
      await refuses(source, { ...undeclared, maxBytes: CONTENT.length - 1 }, 'PART_CORRUPT');
    });

    test('a range beyond the end is refused, not shortened', async (t) => {
      const { source } = await opened(t);
      for (const offsetBytes of [CONTENT.length - 5, CONTENT.length, CONTENT.length + 5]) {
        const range = { offsetBytes, lengthBytes: 10 };
        await refuses(source, { path: FILE, sizeBytes: undefined, range }, 'PART_CORRUPT');
      }
    });

    test('an empty file', async (t) => {
      const { source } = await opened(t);
      for (const request of [
        { path: EMPTY, sizeBytes: 0 },
        { path: EMPTY, sizeBytes: undefined, maxBytes: 10 },
        { path: EMPTY, sizeBytes: undefined, range: { lastBytes: 8 } },
      ]) {
        const { bytes, sizeBytes } = await source.fetch(request, signal);
        assert.deepEqual([bytes.length, sizeBytes], [0, 0]);
      }
      await refuses(source, { path: EMPTY, sizeBytes: 8, range: { lastBytes: 8 } }, 'PART_CORRUPT');
    });

    test('what is not there is said so, at once', async (t) => {
      const { source } = await opened(t);
      await refuses(source, { path: `${FOLDER}/missing`, sizeBytes: 1 }, 'NOT_FOUND');
      await refuses(source, { path: `${FILE}/beneath`, sizeBytes: 1 }, 'NOT_FOUND');
    });

    test('fault 42: hostile paths are refused', async (t) => {
      const { source } = await opened(t);
      for (const path of HOSTILE_PATHS) await refuses(source, { path, sizeBytes: 1 }, 'INVALID_REQUEST');
    });

    test('a version stays while the file does, and changes with it', async (t) => {
      const { source, under } = await opened(t);
      const before = await source.fetch(whole, signal);
      const range = { offsetBytes: 0, lengthBytes: 4 };
      assert.equal((await source.fetch({ ...whole, range }, signal)).version, before.version);
      const other = Buffer.from('something else');
      await under.replace(FILE, other);
      await using later = await under.open();
      const after = await later.fetch({ path: FILE, sizeBytes: undefined, maxBytes: 100 }, signal);
      assert.ok(after.bytes.equals(other));
      assert.notEqual(after.version, before.version);
    });

    test('an abort ends a request with its reason', async (t) => {
      const { source } = await opened(t);
      await assert.rejects(source.fetch(whole, AbortSignal.abort(new Error('before'))), /before/);
      const stop = new AbortController();
      const fetching = source.fetch(whole, stop.signal);
      stop.abort(new Error('meanwhile'));
      await assert.rejects(fetching, /meanwhile/);
      assert.ok((await source.fetch(whole, signal)).bytes.equals(CONTENT), 'others are not disturbed');
    });

    test('many at once', async (t) => {
      const { source } = await opened(t);
      const lengthBytes = 2000;
      const pieces = await Promise.all(
        Array.from({ length: 50 }, (_, i) => {
          const range = { offsetBytes: i * lengthBytes, lengthBytes };
          return source.fetch({ ...whole, range }, signal);
        }),
      );
      const bytes = Buffer.concat(pieces.map((piece) => piece.bytes));
      assert.ok(bytes.equals(CONTENT.subarray(0, 50 * lengthBytes)));
    });

    test('a closed one answers nobody any more', async (t) => {
      const { source } = await opened(t);
      const underWay = refuses(source, whole, 'CANCELED');
      await Promise.all([source.close(), underWay]);
      await refuses(source, whole, 'CANCELED');
      await source.close();
    });
  });
}
