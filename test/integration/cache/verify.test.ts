/** Complete images read back: what is not as it was verified is found, removed, and fetched again, unless clusters use it. */
import assert from 'node:assert/strict';
import { chmod, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { FRAME_SIZE_BYTES, PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import type { BaseFolder } from '../../../edge-agent/cache/base-folder.ts';
import type { ImageCache } from '../../../edge-agent/cache/image-cache.ts';
import type { BaseNeed } from '../../../edge-agent/cache/survey.ts';
import { type Verified, verifyBases } from '../../../edge-agent/cache/verify.ts';
import { statIfThere } from '../../../edge-agent/durable-files.ts';
import { createEdgeFixture, type EdgeFixture } from '../../helpers/edge-fixture.ts';
import { flowOf } from '../../helpers/flow.ts';
import { makeImageCache } from '../../helpers/image-cache.ts';
import { createLegacyRepository, describe, packDisk, writeLegacyDisk } from '../../helpers/legacy-fixture.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_LABEL } from '../../helpers/sample-disk.ts';

const signal = AbortSignal.timeout(60_000);

async function verify(cache: ImageCache): Promise<Verified['result'][]> {
  const results: Verified['result'][] = [];
  for await (const { result } of verifyBases(cache, await cache.survey(), signal)) results.push(result);
  return results;
}

async function flipByte(file: string, at: number): Promise<void> {
  await chmod(file, 0o600);
  await using handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
}

interface NativeFixture extends AsyncDisposable {
  readonly edge: EdgeFixture;
  readonly cache: ImageCache;
  readonly folder: BaseFolder;
  readonly needs: BaseNeed[];
  fetch(): Promise<void>;
}

/** The sample image, complete in a cache. */
async function createNative(): Promise<NativeFixture> {
  const edge = await createEdgeFixture();
  const needs: BaseNeed[] = [];
  const cache = makeImageCache(edge.cacheDirectory, { needs: () => Promise.resolve(needs) });
  const images = new BaseImages({ cache, unpackThreads: 2 });
  const { sample, source } = edge;
  const fetch = async (): Promise<void> => {
    const request = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal };
    await using opened = await images.open(request);
    await opened.image.fetchAll({ flow: flowOf(4), signal });
  };
  await fetch();
  const folder = cache.folderOf(sample.disk.index.sha256);
  return { edge, cache, folder, needs, fetch, [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose]() };
}

const isThere = async (folder: BaseFolder): Promise<boolean> => (await statIfThere(folder.disk)) !== undefined;

test('a native image is held against the digests of its frame index, zeros and the last byte included', async () => {
  await using native = await createNative();
  const { cache, folder, edge } = native;
  assert.deepEqual(await verify(cache), ['intact']);
  const places = {
    'the first byte': 0,
    'a hole where a part was left out': PART_SIZE_BYTES + 12345,
    'zeros within a part': 2 * PART_SIZE_BYTES + FRAME_SIZE_BYTES,
    'the last byte': edge.sample.sizeBytes - 1,
  };
  for (const [place, at] of Object.entries(places)) {
    await flipByte(folder.disk, at);
    assert.deepEqual(await verify(cache), ['damaged and removed'], place);
    assert.deepEqual(await readdir(cache.directory), [], place);
    await native.fetch();
    assert.deepEqual(await verify(cache), ['intact'], place);
  }
  assert.ok((await readFile(edge.sample.rawFile)).equals(await readFile(folder.disk)));
});

test('a disk that was cut, or a frame index that is not the one, counts as damage', async () => {
  await using native = await createNative();
  const { cache, folder } = native;
  await chmod(folder.disk, 0o600);
  await truncate(folder.disk, PART_SIZE_BYTES);
  assert.deepEqual(await verify(cache), ['damaged and removed']);
  await native.fetch();
  await writeFile(folder.frameIndex, 'nonsense');
  assert.deepEqual(await verify(cache), ['damaged and removed']);
});

test('a damaged image that clusters use stays for them, and nobody else gets it; when they are gone, it comes again', async () => {
  await using native = await createNative();
  const { cache, folder, needs, edge } = native;
  const { sha256 } = edge.sample.disk.index;
  const [one, other] = ['01JD0000000000000000000001', '01JD0000000000000000000002'];
  needs.push({ base: sha256, deploymentId: one, cluster: 'vc-1' });
  await flipByte(folder.disk, 100);
  assert.deepEqual(await verify(cache), ['damaged and in use']);
  assert.equal((await cache.survey())[0]?.isDamaged, true);
  assert.ok(await isThere(folder));
  const inUse = (error: unknown) => hasCode(error, 'CONFLICT') && /damaged/.test(error.message);
  await assert.rejects(native.fetch(), inUse);
  let claims = 0;
  const claim = (): Promise<void> => {
    claims++;
    return Promise.resolve();
  };
  await assert.rejects(cache.claim(other, [sha256], claim), inUse);
  assert.equal(claims, 0);

  // The cluster is gone; the next one, whose need is noted before it fetches, clears the damage away.
  needs.splice(0, 1, { base: sha256, deploymentId: other, cluster: 'vc-2' });
  await cache.claim(other, [sha256], claim);
  assert.equal(claims, 1);
  assert.equal(await isThere(folder), false);
  await native.fetch();
  assert.deepEqual(await verify(cache), ['intact']);
});

test('what was repaired meanwhile is refused no more', async () => {
  await using native = await createNative();
  const { cache, folder, needs, edge } = native;
  needs.push({ base: edge.sample.disk.index.sha256, deploymentId: '01JD0000000000000000000001', cluster: 'vc-1' });
  await flipByte(folder.disk, 100);
  await verify(cache);
  await flipByte(folder.disk, 100);
  assert.deepEqual(await verify(cache), ['intact']);
  await native.fetch();
});

test('a pin outlives the damage', async () => {
  await using native = await createNative();
  const { cache, folder } = native;
  await folder.setMark('pinned', true);
  await flipByte(folder.disk, 100);
  assert.deepEqual(await verify(cache), ['damaged and removed']);
  assert.equal(await isThere(folder), false);
  await native.fetch();
  assert.equal((await cache.survey())[0]?.isPinned, true);
});

test('what is not complete is not read back', async () => {
  await using edge = await createEdgeFixture();
  const { sample, source } = edge;
  {
    const request = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal };
    await using opened = await edge.images.open(request);
    await opened.image.read(0, 512, signal);
  }
  assert.deepEqual(await verify(makeImageCache(edge.cacheDirectory)), ['incomplete']);
});

test('an older image is held against the digests that were recorded when it was complete', async () => {
  for (const type of ['raw', 'splited_gzip'] as const) {
    await using repository = await createLegacyRepository();
    const raw = join(repository.folder, 'frontend.vda');
    await writeLegacyDisk(raw, 'x');
    await describe(repository, { kind: 'listed', frontend: await packDisk(raw, repository, { type, cut: 'members' }) });
    const { frontendDisk } = await repository.fetch();
    const cache = makeImageCache(repository.cacheDirectory);
    assert.deepEqual(await verify(cache), ['intact']);
    await flipByte(frontendDisk, 13 * 1024 * 1024);
    assert.deepEqual(await verify(cache), ['damaged and removed']);
    assert.equal((await repository.fetch()).frontendDisk, frontendDisk);
    assert.ok((await readFile(frontendDisk)).equals(await readFile(raw)));
    assert.deepEqual(await verify(cache), ['intact']);
  }
});

test('a damaged older image that clusters used is replaced when they are gone, even where it is first seen again', async () => {
  await using repository = await createLegacyRepository();
  const raw = join(repository.folder, 'frontend.vda');
  await writeLegacyDisk(raw, 'x');
  await describe(repository, { kind: 'listed', frontend: await packDisk(raw, repository, { type: 'raw' }) });
  const { frontendDisk } = await repository.fetch();
  const needs = [
    { base: basename(dirname(frontendDisk)), deploymentId: '01JD0000000000000000000001', cluster: 'vc-1' },
  ];
  const cache = makeImageCache(repository.cacheDirectory, { needs: () => Promise.resolve(needs) });
  await flipByte(frontendDisk, 0);
  assert.deepEqual(await verify(cache), ['damaged and in use']);
  await assert.rejects(repository.fetch({ imageCache: cache }), { code: 'CONFLICT' });
  await rm(repository.pinsDirectory, { recursive: true });
  await assert.rejects(repository.fetch({ imageCache: cache }), { code: 'CONFLICT' });
  needs.pop();
  assert.equal((await repository.fetch({ imageCache: cache })).frontendDisk, frontendDisk);
  assert.ok((await readFile(frontendDisk)).equals(await readFile(raw)));
  assert.deepEqual(await verify(cache), ['intact']);
});

test('where no digests were recorded, as after a crash at the very end, they are; damage from then on is found', async () => {
  await using repository = await createLegacyRepository();
  const raw = join(repository.folder, 'frontend.vda');
  await writeLegacyDisk(raw, 'x');
  await describe(repository, { kind: 'listed', frontend: await packDisk(raw, repository, { type: 'raw' }) });
  const { frontendDisk } = await repository.fetch();
  const cache = makeImageCache(repository.cacheDirectory);
  const digests = join(dirname(frontendDisk), 'block-digests.json');
  for (const lose of [() => rm(digests), () => writeFile(digests, '{"schemaVersion":')]) {
    await lose();
    assert.deepEqual(await verify(cache), ['recorded']);
    assert.deepEqual(await verify(cache), ['intact']);
  }
  await flipByte(frontendDisk, 0);
  assert.deepEqual(await verify(cache), ['damaged and removed']);
});
