/** `edgeboot-agent fetch` as a process: every kind of source, byte for byte; what goes on, what is reused, what is refused. */
import assert from 'node:assert/strict';
import { cp, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import {
  type FetchRepositories,
  makeFetchRepositories,
  packNative,
  runFetch,
} from '../../helpers/fetch-repositories.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../../helpers/temporary-folder.ts';

interface Summary {
  readonly image: string;
  readonly sizeBytes: number;
  readonly wouldFetchBytes?: number;
  readonly transfer: { readonly fetchedBytes: number; readonly totalBytes: number; readonly reusedBytes: number };
}

describe('edgeboot-agent fetch', () => {
  let folder: TemporaryFolder;
  let made: FetchRepositories;
  let outputs = 0;
  const sourceOf = (kind: string): string => join(made.directory, made.sources[kind] ?? '');
  const newOutput = (): string => join(folder.path, `out-${++outputs}.raw`);
  const fetchJson = async (source: string, output: string, ...args: string[]): Promise<Summary> => {
    const { exitCode, stdout, stderr } = await runFetch(source, '--output', output, '--json', ...args);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Summary;
  };
  const isSame = async (a: string, b: string): Promise<boolean> => (await runCommand('cmp', [a, b])).exitCode === 0;

  before(async () => {
    folder = await createTemporaryFolder();
    made = await makeFetchRepositories(folder.path);
  });
  after(() => folder[Symbol.asyncDispose]());

  it('brings the disk of every kind of image, byte for byte, and leaves nothing beside it', async () => {
    for (const kind of Object.keys(made.sources)) {
      const output = newOutput();
      const summary = await fetchJson(sourceOf(kind), output);
      assert.ok(await isSame(output, made.disk), kind);
      assert.equal(summary.sizeBytes, (await stat(made.disk)).size);
      assert.equal(summary.transfer.fetchedBytes, summary.transfer.totalBytes);
    }
    assert.deepEqual(
      (await readdir(folder.path)).filter((name) => /partial|live|journal/.test(name)),
      [],
    );
  });

  it('works with little memory, few connections, without waiting for the disk', async () => {
    const output = newOutput();
    await fetchJson(sourceOf('native'), output, '--memory', '128M', '--connections', '1', '--no-sync');
    assert.ok(await isSame(output, made.disk));
  });

  it('brings the computes’ own disk', async () => {
    const output = newOutput();
    const { exitCode, stderr } = await runFetch(sourceOf('gzip'), '--node', 'compute', '--output', output);
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isSame(output, made.disk));
    const missing = await runFetch(sourceOf('native'), '--node', 'compute', '--output', newOutput());
    assert.equal(missing.exitCode, 66);
    assert.match(missing.stderr, /has no disk for computes/);
  });

  it('fetches of a second version what has changed, and says so beforehand', async () => {
    const changed = join(folder.path, 'changed.raw');
    await cp(made.disk, changed);
    await using disk = await open(changed, 'r+');
    await disk.write(Buffer.alloc(100, 'other'), 0, 100, 70 * 1024 * 1024);
    const source = join(made.directory, await packNative(folder.path, changed, 'native'));

    const whole = await fetchJson(source, newOutput(), '--dry-run');
    const part = await fetchJson(source, newOutput(), '--dry-run', '--reuse', made.disk);
    assert.ok((part.wouldFetchBytes ?? 0) > 0);
    assert.ok((part.wouldFetchBytes ?? 0) <= 260_000, 'a frame');
    assert.ok((whole.wouldFetchBytes ?? 0) > 10 * (part.wouldFetchBytes ?? 0));
    const output = newOutput();
    const { transfer } = await fetchJson(source, output, '--reuse', made.disk);
    assert.equal(transfer.fetchedBytes, part.wouldFetchBytes);
    assert.ok(transfer.reusedBytes > 0);
    assert.ok(await isSame(output, changed));
    // Of what is reused nothing is believed.
    const nonsense = join(folder.path, 'nonsense.raw');
    await writeFile(nonsense, Buffer.alloc(3 * 1024 * 1024, 'no disk at all'));
    const other = newOutput();
    assert.equal((await fetchJson(source, other, '--reuse', nonsense)).transfer.reusedBytes, 0);
    assert.ok(await isSame(other, changed));
  });

  it('takes the key that it is given, and no other', async () => {
    const key = join(folder.path, 'key.pem');
    await runCommandOrThrow('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', `${key}.private`]);
    await runCommandOrThrow('openssl', ['pkey', '-in', `${key}.private`, '-pubout', '-out', key]);
    const output = newOutput();
    const { exitCode, stderr } = await runFetch(sourceOf('native'), '--output', output, '--publisher-key', key);
    assert.equal(exitCode, 65);
    assert.match(stderr, /MANIFEST_UNTRUSTED/);
    await assert.rejects(stat(output), { code: 'ENOENT' });
  });

  it('never writes over a file that is there', async () => {
    const output = newOutput();
    await writeFile(output, 'precious');
    const { exitCode, stderr } = await runFetch(sourceOf('native'), '--output', output);
    assert.equal(exitCode, 75);
    assert.match(stderr, /is there already/);
    assert.equal(await readFile(output, 'utf8'), 'precious');
  });

  it('says what is wrong with what it is told', async () => {
    const source = sourceOf('native');
    const cases: [readonly string[], number, RegExp][] = [
      [[source], 64, /--output/],
      [['--output', newOutput()], 64, /source/],
      [[source, '--output', newOutput(), '--memory', '10M'], 64, /memory/],
      [[source, '--output', newOutput(), '--connections', '0'], 64, /from 1 to 64/],
      [[source, '--output', newOutput(), '--bandwidth', 'much'], 64, /whole number/],
      [[source, '--output', newOutput(), '--node', 'gpu'], 64, /frontend, compute/],
      [[source, '--output', newOutput(), '--publisher-key', '/nowhere'], 64, /publisher's key/],
      [['http://127.0.0.1:1/vc/vc-in.xml', '--output', newOutput(), '--repository', 'local'], 64, /of the kind local/],
      [[join(made.directory, 'none.xml'), '--output', newOutput()], 66, /NOT_FOUND/],
      [[source, '--output', join(folder.path, 'none/out.raw')], 66, /no folder/],
      [['https://d.example.net/vc-in.xml', '--repository', 'cloudfront', '--output', newOutput()], 64, /--grant/],
    ];
    for (const [args, exitCode, words] of cases) {
      const result = await runFetch(...args);
      assert.equal(result.exitCode, exitCode, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, words);
    }
  });

  it('a damaged part, and a manifest that is not what its name says, become no disk', async () => {
    const directory = join(folder.path, 'damaged');
    await cp(made.directory, directory, { recursive: true });
    const manifest = join(directory, made.sources['native'] ?? '');
    const parts = join(manifest, '../../parts');
    // Each part: the folder holds those of the second version too, which this manifest does not name.
    for (const name of await readdir(parts)) {
      const bytes = await readFile(join(parts, name));
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      await writeFile(join(parts, name), bytes);
    }
    const output = newOutput();
    const damaged = await runFetch(manifest, '--output', output);
    assert.deepEqual([damaged.exitCode, /PART_CORRUPT/.test(damaged.stderr)], [65, true], damaged.stderr);
    await writeFile(manifest, `${await readFile(manifest, 'utf8')} `);
    const renamed = await runFetch(manifest, '--output', output);
    assert.deepEqual([renamed.exitCode, /PART_CORRUPT/.test(renamed.stderr)], [65, true], renamed.stderr);
    await assert.rejects(stat(output), { code: 'ENOENT' });
  });
});
