/** `edgeboot-agent fetch --parts`: the record of a real process, held against what the edge has sent. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { makeGrant } from '../../helpers/edge-fixture.ts';
import { packNative, runFetch } from '../../helpers/fetch-repositories.ts';
import { makeCompliantDisk } from '../../helpers/compliant-disk.ts';
import { type Fault, startPartServer } from '../../helpers/part-server.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const MIB = 1024 * 1024;

interface PartLine {
  readonly object: string;
  readonly sizeBytes: number;
  readonly edgeLocation?: string;
  readonly cacheHit?: boolean;
  readonly seconds: number;
  readonly badCopies?: number;
}

async function filesBelow(directory: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (file) => [relative(directory, file), await readFile(file)] as const)),
  );
}

test('every answer has a line: its object, size, edge location and hit or miss; a corrupt copy has its own', async (t) => {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const disk = join(folder.path, 'source.raw');
  await makeCompliantDisk(
    disk,
    64 * MIB,
    [9, 20, 33, 50].map((mebibyte) => mebibyte * MIB + 7),
  );
  const manifest = await packNative(folder.path, disk, 'native');
  const objects = await filesBelow(join(folder.path, 'vc'));
  const [spoiled = ''] = [...objects.keys()].filter((path) => path.includes('/parts/'));
  let copies = 0;
  const faultOf = ({ path }: { path: string }): Fault | undefined =>
    path === spoiled && copies++ === 0 ? { kind: 'bit-flip' } : undefined;
  await using server = await startPartServer({ objects, faultOf, edgeLocation: 'NRT57-C1' });
  const grantFile = join(folder.path, 'grant.json');
  const grant = makeGrant(server.baseUrl);
  await writeFile(grantFile, JSON.stringify(grant));
  const partsFile = join(folder.path, 'parts.jsonl');
  await writeFile(partsFile, '{"object":"of an earlier run"}\n');

  const source = `${server.baseUrl}/${manifest}`;
  const output = join(folder.path, 'out.raw');
  const args = ['--repository', 'cloudfront', '--grant', grantFile, '--output', output, '--parts', partsFile];
  const { exitCode, stderr } = await runFetch(source, ...args);
  assert.equal(exitCode, 0, stderr);

  const text = await readFile(partsFile, 'utf8');
  const [earlier, ...lines] = text.trimEnd().split('\n');
  assert.equal(earlier, '{"object":"of an earlier run"}');
  const parts = lines.map((line) => JSON.parse(line) as PartLine);
  assert.deepEqual(parts.map(({ object }) => object).sort(), server.requests.map(({ path }) => path).sort());
  for (const { object, sizeBytes, edgeLocation, cacheHit, seconds } of parts) {
    assert.equal(sizeBytes, objects.get(object)?.length, object);
    assert.equal(edgeLocation, 'NRT57-C1');
    assert.equal(typeof cacheHit, 'boolean');
    assert.ok(seconds >= 0 && seconds < 60);
  }
  // The server answers by turns.
  const misses = parts.filter(({ cacheHit }) => cacheHit === false).length;
  assert.equal(misses, Math.ceil(server.requests.length / 2));
  const copiesOfSpoiled = parts.filter(({ object }) => object === spoiled).map(({ badCopies }) => badCopies);
  assert.deepEqual(copiesOfSpoiled, [undefined, 1]);
  assert.ok(!text.includes('Signature') && !text.includes(server.baseUrl), 'no URL, signed or not');
});

test('a record that cannot be written is said so, before anything is fetched', async (t) => {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const output = join(folder.path, 'out.raw');
  const partsFile = join(folder.path, 'no', 'such', 'folder');
  const args = ['--output', output, '--parts', partsFile];
  const { exitCode, stderr } = await runFetch(join(folder.path, 'vc-in.xml'), ...args);
  assert.equal(exitCode, 64);
  assert.match(stderr, /cannot write the record of parts/);
  await assert.rejects(stat(output), { code: 'ENOENT' });
});
