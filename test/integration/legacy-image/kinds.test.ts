/** Every kind of description, with every type of file: what comes back is what `cat parts | gunzip` gives. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DISK_FILE_TYPES, type DiskFileType } from '#shared/vc-xml/vc-in.ts';
import {
  createLegacyRepository,
  describe,
  type DescriptionKind,
  type GzipCut,
  LEGACY_DISK_BYTES,
  packDisk,
  referenceOf,
  writeLegacyDisk,
} from '../../helpers/legacy-fixture.ts';

interface Case {
  readonly kind: DescriptionKind;
  readonly type: DiskFileType;
  readonly cut?: GzipCut;
}

const cases: Case[] = [
  ...(['listed', 'inside'] as const).flatMap((kind) =>
    DISK_FILE_TYPES.flatMap((type): Case[] =>
      type === 'splited_gzip'
        ? [
            { kind, type, cut: 'members' },
            { kind, type, cut: 'stream' },
          ]
        : [{ kind, type }],
    ),
  ),
  { kind: 'beside', type: 'raw' },
  { kind: 'beside', type: 'gzip' },
];

for (const { kind, type, cut } of cases) {
  test(`formats §2: ${type}${cut === undefined ? '' : ` (${cut})`}, described ${kind}, comes back byte for byte`, async () => {
    await using repository = await createLegacyRepository();
    const raw = { frontend: join(repository.folder, 'frontend.vda'), compute: join(repository.folder, 'compute.vda') };
    await writeLegacyDisk(raw.frontend, 'frontend');
    await writeLegacyDisk(raw.compute, 'compute');
    const how = { type, ...(cut && { cut }) };
    const frontend = await packDisk(raw.frontend, repository, how);
    const compute = await packDisk(raw.compute, repository, how);
    await describe(repository, { kind, frontend, compute });

    const image = await repository.fetch();
    for (const [role, packed] of [['frontend', frontend] as const, ['compute', compute] as const]) {
      const file = role === 'frontend' ? image.frontendDisk : (image.computeDisk ?? '');
      const reference = await referenceOf(packed, repository, join(repository.folder, 'reference'));
      assert.ok(reference.equals(await readFile(raw[role])));
      assert.ok(reference.equals(await readFile(file)), role);
      const { mode, blocks } = await stat(file);
      assert.equal(mode & 0o777, 0o444);
      assert.ok(blocks * 512 < LEGACY_DISK_BYTES - 6 * 1024 * 1024, 'zeros are holes');
    }
    assert.equal(image.firstSeen, true);
    const left = await readdir(repository.cacheDirectory);
    assert.equal(left.length, 2, `nothing but the two disks: ${left.join(' ')}`);
    const sizes = [...frontend.parts, ...compute.parts].map(
      async (part) => (await stat(join(repository.directory, 'vc-one', part))).size,
    );
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    assert.deepEqual([image.transfer.fetchedBytes, image.transfer.totalBytes], [total, total], 'each byte once');
  });
}

test('formats §1: without a compute image the computes boot from the frontend’s; it is fetched once', async () => {
  await using repository = await createLegacyRepository();
  const raw = join(repository.folder, 'frontend.vda');
  await writeLegacyDisk(raw, 'frontend');
  const frontend = await packDisk(raw, repository, { type: 'gzip' });
  await describe(repository, { kind: 'inside', frontend });
  const image = await repository.fetch({ computes: 2 });
  assert.equal(image.computeDisk, image.frontendDisk);

  await describe(repository, { kind: 'inside', frontend, compute: frontend });
  const shared = await repository.fetch({ computes: 2, acceptChanges: true });
  assert.equal(shared.computeDisk, image.frontendDisk);
});

test('formats §1: a frontend alone needs no compute disk: it is not fetched, nor pinned', async () => {
  await using repository = await createLegacyRepository();
  const disks = { frontend: join(repository.folder, 'frontend.vda'), compute: join(repository.folder, 'compute.vda') };
  await writeLegacyDisk(disks.frontend, 'frontend');
  await writeLegacyDisk(disks.compute, 'compute');
  const frontend = await packDisk(disks.frontend, repository, { type: 'raw' });
  const compute = await packDisk(disks.compute, repository, { type: 'raw' });
  await describe(repository, { kind: 'listed', frontend, compute });

  const alone = await repository.fetch({ computes: 0 });
  assert.equal(alone.computeDisk, undefined);
  assert.ok(repository.requests.every(({ path }) => !path.includes('compute')));
  const both = await repository.fetch({ computes: 1 });
  assert.equal(both.firstSeen, true, 'the compute’s disk');
  assert.equal(both.frontendDisk, alone.frontendDisk);
  assert.equal(both.transfer.totalBytes, LEGACY_DISK_BYTES, 'the frontend’s disk is here');
  assert.equal((await repository.fetch({ computes: 0 })).firstSeen, false);
  assert.equal((await repository.fetch({ computes: 1 })).firstSeen, false);
});
