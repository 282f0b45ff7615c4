/** Repositories without digests: recorded at first sight, and held against that ever after. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate, chmod, utimes, writeFile, appendFile, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { fetchDescription } from '../../../edge-agent/legacy-image/description.ts';
import { BLOCK_BYTES } from '../../../edge-agent/legacy-image/remote-file.ts';
import type { ObjectRequest } from '../../../edge-agent/ports.ts';
import {
  CLUSTER_FOLDER,
  createLegacyRepository,
  describe,
  DESCRIPTION_PATH,
  LEGACY_DISK_BYTES,
  type LegacyRepository,
  packDisk,
  writeLegacyDisk,
} from '../../helpers/legacy-fixture.ts';

const signal = AbortSignal.timeout(60_000);
const BLOCKS = Math.ceil(LEGACY_DISK_BYTES / BLOCK_BYTES);

async function createRepository(...options: Parameters<typeof createLegacyRepository>): Promise<LegacyRepository> {
  const repository = await createLegacyRepository(...options);
  await putDisk(repository, 'frontend');
  return repository;
}

/** A frontend alone, raw. */
async function putDisk(repository: LegacyRepository, seed: string): Promise<void> {
  const raw = join(repository.folder, 'frontend.vda');
  await writeLegacyDisk(raw, seed);
  const frontend = await packDisk(raw, repository, { type: 'raw' });
  await describe(repository, { kind: 'inside', frontend });
}

const diskOf = (repository: LegacyRepository): string => join(repository.directory, CLUSTER_FOLDER, 'frontend.vda');
const isBlock = ({ range }: ObjectRequest): boolean =>
  range !== undefined && 'offsetBytes' in range && range.lengthBytes > 10;

/** The blocks that are asked for meanwhile. */
async function blocksDuring(repository: LegacyRepository, work: () => Promise<unknown>): Promise<number> {
  const before = repository.requests.length;
  await work();
  return repository.requests.slice(before).filter(isBlock).length;
}

async function assertRefused(work: Promise<unknown>, pinnedAt: string, what: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(hasCode(error, 'MANIFEST_UNTRUSTED'), String(error));
    assert.match(error.message, what);
    assert.ok(error.message.includes(pinnedAt), 'it says when');
    assert.match(error.remedy, /edgeboot-agent boot … --accept-changes/);
    return true;
  });
}

/** Another byte, the same size, the same time. */
async function changeByte(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

test('formats §4: first seen is said; afterwards it is here, and looked at by tiny requests only', async () => {
  await using repository = await createRepository();
  const first = await repository.fetch();
  assert.deepEqual([first.firstSeen, first.acceptedChanges, first.transfer.edges.length], [true, [], 1]);
  let second = first;
  const blocks = await blocksDuring(repository, async () => (second = await repository.fetch()));
  assert.equal(blocks, 0);
  assert.equal(second.frontendDisk, first.frontendDisk);
  assert.deepEqual([second.firstSeen, second.pinnedAt], [false, first.pinnedAt]);
  assert.equal(second.transfer.totalBytes, 0);
  const trailing = await repository.fetch({ repository: `${repository.directory}/` });
  assert.equal(trailing.firstSeen, false, 'the same address');
  const elsewhere = await repository.fetch({ repository: '/another/place' });
  assert.equal(elsewhere.firstSeen, true, 'pins are kept by address');
  assert.equal(elsewhere.frontendDisk, first.frontendDisk, 'the same content');
});

test('a file that only looks newer is fetched again and compared', async () => {
  await using repository = await createRepository();
  const first = await repository.fetch();
  await utimes(diskOf(repository), new Date(), new Date());
  let again = first;
  const blocks = await blocksDuring(repository, async () => (again = await repository.fetch()));
  assert.equal(blocks, BLOCKS);
  assert.deepEqual([again.firstSeen, again.pinnedAt, again.acceptedChanges], [false, first.pinnedAt, []]);
  assert.equal(await blocksDuring(repository, () => repository.fetch()), 0, 'the new version is known');
});

test('other content of the same size is refused, and nothing of it is kept', async () => {
  await using repository = await createRepository();
  const { pinnedAt, frontendDisk } = await repository.fetch();
  const good = await readFile(frontendDisk);
  await changeByte(diskOf(repository), BLOCK_BYTES + 5);
  for (let round = 0; round < 2; round++) {
    await assertRefused(repository.fetch(), pinnedAt, /block 1 of vc-one\/frontend\.vda has other content/);
  }
  assert.ok((await readFile(frontendDisk)).equals(good));
  assert.equal((await readdir(repository.cacheDirectory)).length, 1);
});

test('another size is refused before anything is fetched', async () => {
  await using repository = await createRepository();
  const { pinnedAt } = await repository.fetch();
  await appendFile(diskOf(repository), Buffer.alloc(512));
  const blocks = await blocksDuring(repository, () =>
    assertRefused(repository.fetch(), pinnedAt, /frontend\.vda has 20972544 bytes instead of 20972032/),
  );
  assert.equal(blocks, 0);
});

test('another description is refused, and so is one at another place', async () => {
  await using repository = await createRepository();
  const { pinnedAt } = await repository.fetch();
  const moved = join(repository.directory, 'moved', 'vc-one.xml');
  await mkdir(dirname(moved));
  await writeFile(moved, await readFile(join(repository.directory, DESCRIPTION_PATH)));
  await rename(diskOf(repository), join(dirname(moved), 'frontend.vda'));
  const description = await fetchDescription(repository.source, 'moved/vc-one.xml', signal);
  await assertRefused(repository.fetch({ description }), pinnedAt, /lies at moved\/vc-one\.xml instead of vc-one/);

  await appendFile(join(repository.directory, DESCRIPTION_PATH), '<!-- changed -->');
  await assertRefused(repository.fetch(), pinnedAt, /its description has other content/);
});

test('what the operator accepts is pinned anew', async () => {
  await using repository = await createRepository();
  const first = await repository.fetch();
  await putDisk(repository, 'another');
  await assertRefused(repository.fetch(), first.pinnedAt, /other content/);
  const accepted = await repository.fetch({ acceptChanges: true });
  assert.deepEqual(accepted.acceptedChanges, [`8 of ${BLOCKS} blocks of vc-one/frontend.vda have other content`]);
  assert.notEqual(accepted.pinnedAt, first.pinnedAt);
  assert.notEqual(accepted.frontendDisk, first.frontendDisk);
  assert.ok((await readFile(accepted.frontendDisk)).equals(await readFile(diskOf(repository))));
  assert.equal((await repository.fetch()).frontendDisk, accepted.frontendDisk);

  await putDisk(repository, 'frontend');
  await assertRefused(repository.fetch(), accepted.pinnedAt, /other content/);
  const same = await repository.fetch({ acceptChanges: true });
  assert.equal(same.frontendDisk, first.frontendDisk);
  assert.deepEqual((await repository.fetch({ acceptChanges: true })).acceptedChanges, [], 'nothing to accept');
});

test('formats §4: a truncated file in the cache is not trusted, a lost one comes again', async () => {
  await using repository = await createRepository();
  const { frontendDisk } = await repository.fetch();
  const good = await readFile(diskOf(repository));
  await chmod(frontendDisk, 0o600);
  await truncate(frontendDisk, 1_000_000);
  assert.equal(await blocksDuring(repository, () => repository.fetch()), BLOCKS);
  assert.ok((await readFile(frontendDisk)).equals(good));
  await rm(dirname(frontendDisk), { recursive: true });
  assert.equal((await repository.fetch()).firstSeen, false);
  assert.ok((await readFile(frontendDisk)).equals(good));
});

test('fault 5: what was damaged on its way is fetched again; only what comes so twice has changed', async () => {
  let damage = 0;
  await using repository = await createRepository((request, fetched) => {
    if (!isBlock(request) || damage === 0) return fetched;
    const bytes = Buffer.from(fetched.bytes);
    bytes[0] = (bytes[0] ?? 0) ^ damage--;
    return { ...fetched, bytes };
  });
  const { pinnedAt, frontendDisk } = await repository.fetch();
  await rm(dirname(frontendDisk), { recursive: true });
  damage = 3;
  const again = await repository.fetch();
  assert.deepEqual([again.pinnedAt, again.frontendDisk], [pinnedAt, frontendDisk]);
  assert.ok((await readFile(frontendDisk)).equals(await readFile(diskOf(repository))));
});

test('a pin that cannot be read is no first sight', async () => {
  await using repository = await createRepository();
  await repository.fetch();
  const [pin] = (await readdir(repository.pinsDirectory, { recursive: true })).filter((name) => name.endsWith('.json'));
  const file = join(repository.pinsDirectory, pin ?? '');
  const good = await readFile(file);
  for (const damaged of [good.subarray(0, -10), Buffer.alloc(0), Buffer.from('{}'), Buffer.alloc(good.length)]) {
    await writeFile(file, damaged);
    await assert.rejects(repository.fetch(), (error) => hasCode(error, 'INVALID_CONFIG'));
  }
  await writeFile(file, good);
  assert.equal((await repository.fetch()).firstSeen, false);
});

test('two who want the same image at once: one fetches it', async () => {
  await using repository = await createRepository();
  const blocks = await blocksDuring(repository, async () => {
    const images = await Promise.all(Array.from({ length: 4 }, () => repository.fetch()));
    assert.equal(new Set(images.map(({ frontendDisk }) => frontendDisk)).size, 1);
    assert.equal(images.filter(({ firstSeen }) => firstSeen).length, 1);
  });
  assert.equal(blocks, BLOCKS);
});

test('who waits can leave, and who takes over begins anew', async () => {
  const arrived = Promise.withResolvers<undefined>();
  const goOn = Promise.withResolvers<undefined>();
  await using repository = await createRepository(async (request, fetched) => {
    if (!isBlock(request)) return fetched;
    arrived.resolve(undefined);
    await goOn.promise;
    return fetched;
  });
  const [first, waiting] = [new AbortController(), new AbortController()];
  const stopped = assert.rejects(repository.fetch({ signal: first.signal }), /stopped/);
  await arrived.promise;
  const left = assert.rejects(repository.fetch({ signal: waiting.signal }), /left/);
  const last = repository.fetch();
  waiting.abort(new Error('left'));
  await left;
  first.abort(new Error('stopped'));
  goOn.resolve(undefined);
  await stopped;
  assert.ok((await readFile((await last).frontendDisk)).equals(await readFile(diskOf(repository))));
  assert.equal((await readdir(repository.cacheDirectory)).length, 1);
});
