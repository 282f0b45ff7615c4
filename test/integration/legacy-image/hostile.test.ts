/** Repositories that lie, and disks that are none: refused, and nothing is left of them. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { fetchDescription } from '../../../edge-agent/legacy-image/description.ts';
import {
  CLUSTER_FOLDER,
  createLegacyRepository,
  describe,
  DESCRIPTION_PATH,
  type LegacyRepository,
  packDisk,
  writeLegacyDisk,
} from '../../helpers/legacy-fixture.ts';

const MIB = 1024 * 1024;
const TYPES: readonly DiskFileType[] = ['raw', 'gzip', 'splited', 'splited_gzip'];

async function assertRefused(repository: LegacyRepository, why: RegExp): Promise<void> {
  await assert.rejects(
    repository.fetch(),
    (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && why.test(error.message),
    String(why),
  );
  const left = await readdir(repository.cacheDirectory).catch(() => []);
  assert.deepEqual(left, []);
  assert.deepEqual(await readdir(repository.pinsDirectory).catch(() => []), [], 'what is refused is not pinned');
}

test('fault 46: a “raw” disk that is qcow2 with a backing file, or VMDK, is refused by its content', async () => {
  for (const [format, options] of [
    ['qcow2', ['-o', 'backing_file=/etc/passwd,backing_fmt=raw', '-u']],
    ['vmdk', []],
    ['vdi', []],
    ['vhdx', []],
  ] as const) {
    for (const type of TYPES) {
      await using repository = await createLegacyRepository();
      const file = join(repository.folder, 'frontend.vda');
      await runCommandOrThrow('qemu-img', ['create', '-q', '-f', format, ...options, file, '64M']);
      const frontend = await packDisk(file, repository, { type, cut: 'members' });
      await describe(repository, { kind: 'listed', frontend });
      await assertRefused(repository, /is a (?:qcow2|VMDK|VDI|VHDX) image/);
    }
  }
});

test('fault 46: its beginning is enough: the rest is not fetched', async () => {
  await using repository = await createLegacyRepository();
  const disk = Buffer.alloc(200 * MIB);
  disk.write('QFI\xfb', 'latin1');
  await writeFile(join(repository.directory, CLUSTER_FOLDER, 'frontend.vda'), disk);
  await describe(repository, {
    kind: 'beside',
    frontend: { type: 'raw', parts: ['frontend.vda'], source: 'frontend.vda' },
  });
  await assertRefused(repository, /qcow2/);
  const blocks = repository.requests.filter(({ range }) => range !== undefined && 'offsetBytes' in range);
  assert.ok(blocks.length <= 50, `${blocks.length} of 100 blocks`);
});

test('formats §1: a disk that does not comply gets no name in the cache', async () => {
  await using repository = await createLegacyRepository();
  const file = join(repository.directory, CLUSTER_FOLDER, 'frontend.vda.gz');
  await describe(repository, {
    kind: 'beside',
    frontend: { type: 'gzip', parts: ['frontend.vda.gz'], source: 'frontend.vda' },
  });
  await writeFile(file, gzipSync(Buffer.alloc(4 * MIB)));
  await assertRefused(repository, /no partition table/);
  await writeFile(file, gzipSync(gzipSync(Buffer.alloc(MIB))));
  await assertRefused(repository, /gzip-compressed/);
  await writeFile(file, gzipSync(Buffer.alloc(4 * MIB + 1)));
  await assertRefused(repository, /no multiple of 512/);
});

test('fault 42: descriptions and parts outside of the repository are never asked for', async () => {
  await using repository = await createLegacyRepository();
  for (const path of ['../x.xml', '/etc/passwd', 'a/../../x', '', 'a\0b', '.hidden/x.xml']) {
    await assert.rejects(fetchDescription(repository.source, path, AbortSignal.timeout(5000)), (error) =>
      hasCode(error, 'IMAGE_NOT_COMPLIANT'),
    );
  }
  assert.deepEqual(repository.requests, []);
  const frontend = { type: 'raw', parts: ['../../secret'], source: 'secret' } as const;
  await writeFile(join(repository.folder, 'secret'), 'secret');
  await describe(repository, { kind: 'inside', frontend });
  await assert.rejects(repository.fetch(), (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT'));
  assert.deepEqual(new Set(repository.requests.map(({ path }) => path)), new Set([DESCRIPTION_PATH]));
});

test('fault 45: a description of many megabytes is not even fetched', async () => {
  await using repository = await createLegacyRepository();
  await mkdir(join(repository.directory, CLUSTER_FOLDER), { recursive: true });
  await writeFile(join(repository.directory, DESCRIPTION_PATH), Buffer.alloc(2 * MIB, ' '));
  await assert.rejects(repository.fetch(), (error) => hasCode(error, 'PART_CORRUPT', 'IMAGE_NOT_COMPLIANT'));
});

test('formats §4: a truncated file on the server never becomes a disk', async () => {
  for (const type of ['gzip', 'splited_gzip'] as const) {
    await using repository = await createLegacyRepository();
    const file = join(repository.folder, 'frontend.vda');
    await writeLegacyDisk(file, 'x');
    const frontend = await packDisk(file, repository, { type, cut: 'members' });
    const last = join(repository.directory, CLUSTER_FOLDER, frontend.parts.at(-1) ?? '');
    await writeFile(last, (await readFile(last)).subarray(0, -10));
    await describe(repository, { kind: 'listed', frontend });
    await assert.rejects(repository.fetch(), (error) => hasCode(error, 'PART_CORRUPT'));
    assert.deepEqual(await readdir(repository.cacheDirectory), []);
  }
});

test('a part that is not there', async () => {
  await using repository = await createLegacyRepository();
  const frontend = { type: 'splited', parts: ['frontend.a', 'frontend.b'], source: 'frontend' } as const;
  await writeFile(join(repository.directory, CLUSTER_FOLDER, 'frontend.a'), 'a');
  await describe(repository, { kind: 'inside', frontend });
  await assert.rejects(repository.fetch(), (error) => hasCode(error, 'NOT_FOUND'));
});
