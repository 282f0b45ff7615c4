/** Room in the cache, on a small tmpfs in a mount namespace of the suite's own: who makes way, who does not, and when it is full. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import type { ImageCache, ImageCacheOptions } from '../../../edge-agent/cache/image-cache.ts';
import { prune } from '../../../edge-agent/cache/prune.ts';
import type { BaseNeed } from '../../../edge-agent/cache/survey.ts';
import { createEdgeFixture, type EdgeFixture } from '../../helpers/edge-fixture.ts';
import { flowOf } from '../../helpers/flow.ts';
import { makeImageCache } from '../../helpers/image-cache.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { createSampleDisk, SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const MIB = 1024 * 1024;
const signal = AbortSignal.timeout(120_000);

interface SmallCache extends AsyncDisposable {
  readonly directory: string;
  readonly cache: ImageCache;
  readonly images: BaseImages;
  /** What clusters need: a test may change it. */
  readonly needs: BaseNeed[];
  readonly sources: readonly EdgeFixture[];
  /** Fetches the image, or finds it. */
  fetch(image: number): Promise<void>;
  baseOf(image: number): string;
  /** The images that are here, whole. */
  here(): Promise<number[]>;
}

/** Images of 8 MiB each, no frame of one like that of another, on a file system that has not much more. */
async function createSmallCache(sizeMiB: number, options: Partial<ImageCacheOptions> = {}): Promise<SmallCache> {
  await using cleanUp = new AsyncDisposableStack();
  const { path: directory } = cleanUp.use(await createTemporaryFolder());
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', directory]);
  assert.equal(mounted.status, 0, mounted.stderr.toString());
  cleanUp.defer(() => void spawnSync('umount', ['--lazy', directory]));
  const sources: EdgeFixture[] = [];
  for (const image of [0, 1, 2, 3]) {
    const sample = (folder: string) =>
      createSampleDisk(folder, 2 * PART_SIZE_BYTES + image * 512, [
        { offsetBytes: PART_SIZE_BYTES / 2 + image * 4096, lengthBytes: PART_SIZE_BYTES, content: 'noise' },
      ]);
    sources.push(cleanUp.use(await createEdgeFixture({ sample })));
  }
  const needs: BaseNeed[] = [];
  const cache = makeImageCache(directory, { needs: () => Promise.resolve(needs), ...options });
  const images = new BaseImages({ cache, unpackThreads: 2 });
  const sourceOf = (image: number): EdgeFixture => {
    const source = sources[image];
    if (source === undefined) throw new Error(`there is no image ${image}`);
    return source;
  };
  const baseOf = (image: number): string => sourceOf(image).sample.disk.index.sha256;
  const owned = cleanUp.move();
  return {
    ...{ directory, cache, images, needs, sources, baseOf },
    async fetch(image) {
      const { sample, source } = sourceOf(image);
      const label = { name: `image-${image}`, version: 1 };
      await using opened = await images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label, source, signal });
      await opened.image.fetchAll({ flow: flowOf(4), signal });
    },
    async here() {
      const whole = (await cache.survey()).filter(({ state }) => state === 'complete').map(({ base }) => base);
      return sources.map((_, image) => image).filter((image) => whole.includes(baseOf(image)));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const partRequests = ({ server }: EdgeFixture): number =>
  server.requests.filter(({ path }) => /parts/.test(path)).length;
const need = (base: string): BaseNeed => ({
  base,
  deploymentId: '01JD0000000000000000000001',
  cluster: 'vc-192-0-2-10',
});
const isFull = (error: unknown) => hasCode(error, 'DISK_FULL');

/** Another process that has the file open. */
async function holdOpen(t: TestContext, file: string): Promise<{ stop(): Promise<void> }> {
  await using handle = await open(file, 'r');
  const child = spawn('sleep', ['infinity'], { stdio: [handle.fd, 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  return {
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 180 })) {
  test('what was not used longest makes way; a look is a use', async () => {
    await using small = await createSmallCache(22);
    await small.fetch(0);
    await small.fetch(1);
    await small.fetch(0);
    await small.fetch(2);
    assert.deepEqual(await small.here(), [0, 2]);
    await small.fetch(1);
    assert.deepEqual(await small.here(), [1, 2]);
  });

  test('the cap holds, though the disk has room', async () => {
    await using small = await createSmallCache(64, { limits: { maxBytes: 18 * MIB, keepFreeBytes: 0 } });
    for (const image of [0, 1, 2]) await small.fetch(image);
    assert.deepEqual(await small.here(), [1, 2]);
  });

  test('so does what stays free', async () => {
    await using small = await createSmallCache(42, { limits: { maxBytes: undefined, keepFreeBytes: 20 * MIB } });
    for (const image of [0, 1, 2]) await small.fetch(image);
    assert.deepEqual(await small.here(), [1, 2]);
  });

  test('what is pinned, needed, or open in another process stays: who then finds no room is told so before a part is asked for', async (t) => {
    await using small = await createSmallCache(30);
    for (const image of [0, 1, 2]) await small.fetch(image);
    await small.cache.folderOf(small.baseOf(0)).setMark('pinned', true);
    small.needs.push(need(small.baseOf(1)));
    const reader = await holdOpen(t, small.cache.folderOf(small.baseOf(2)).disk);
    await assert.rejects(small.fetch(3), (error) => {
      assert.ok(isFull(error));
      assert.match(String(error), /takes 8\.\d MB\. \d\.\d MB are free.* 1[67]\.\d MB are in use, 8\.\d MB pinned/);
      return true;
    });
    assert.equal(partRequests(small.sources[3] as EdgeFixture), 0);
    assert.deepEqual(await small.here(), [0, 1, 2]);
    const pruned = await prune(small.cache, { all: true, toBytes: undefined }, false);
    assert.deepEqual(
      pruned.bases.map(({ base, state }) => [base, state]),
      [[small.baseOf(3), 'absent']],
    );
    assert.deepEqual(await small.here(), [0, 1, 2]);

    await reader.stop();
    await small.fetch(3);
    assert.deepEqual(await small.here(), [0, 1, 3]);
    small.needs.pop();
    await small.cache.folderOf(small.baseOf(0)).setMark('pinned', false);
    await small.fetch(2);
    assert.deepEqual(await small.here(), [1, 2, 3]);
  });

  test('what this process itself has open stays', async () => {
    await using small = await createSmallCache(22);
    await small.fetch(0);
    await small.fetch(1);
    const [first] = small.sources;
    assert.ok(first);
    const request = {
      disk: first.sample.disk,
      imageId: SAMPLE_IMAGE_ID,
      label: { name: 'image-0' },
      source: first.source,
    };
    await using opened = await small.images.open({ ...request, signal });
    await small.fetch(1);
    await small.fetch(2);
    assert.deepEqual(await small.here(), [0, 2]);
    assert.equal(opened.image.complete, true);
  });

  test('a partial one that nobody needs makes way first', async () => {
    await using small = await createSmallCache(18);
    const [first] = small.sources;
    assert.ok(first);
    {
      const label = { name: 'image-0', version: 1 };
      const { sample, source } = first;
      await using opened = await small.images.open({
        disk: sample.disk,
        imageId: SAMPLE_IMAGE_ID,
        label,
        source,
        signal,
      });
      await opened.image.read(PART_SIZE_BYTES / 2, 3 * MIB, signal);
    }
    await small.fetch(1);
    const partial = (await small.cache.survey()).find(({ base }) => base === small.baseOf(0));
    assert.equal(partial?.state, 'partial');
    await small.fetch(2);
    assert.deepEqual((await readdir(small.directory)).sort(), [small.baseOf(1), small.baseOf(2)].sort());
  });

  test('two transfers at once do not count on the same room', async () => {
    await using small = await createSmallCache(14);
    small.needs.push(need(small.baseOf(0)), need(small.baseOf(1)));
    const results = await Promise.allSettled([small.fetch(0), small.fetch(1)]);
    const failed = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ i, reason: result.reason as unknown }] : [],
    );
    assert.equal(failed.length, 1);
    const [{ i, reason } = { i: 0, reason: undefined }] = failed;
    assert.ok(isFull(reason), String(reason));
    assert.equal(partRequests(small.sources[i] as EdgeFixture), 0);
    assert.deepEqual(await small.here(), [1 - i]);
  });

  test('room that others take in the middle: its own is given back, and the others’ images stay', async () => {
    await using small = await createSmallCache(22);
    await small.fetch(0);
    small.needs.push(need(small.baseOf(0)));
    const ballast = join(small.directory, 'ballast');
    const [, second] = small.sources;
    assert.ok(second);
    const { sample } = second;
    const source = {
      fetch: async (...args: Parameters<EdgeFixture['source']['fetch']>) => {
        const fetched = await second.source.fetch(...args);
        if (args[0].path.includes('/parts/')) await writeFile(ballast, Buffer.alloc(11 * MIB)).catch(() => undefined);
        return fetched;
      },
    };
    const label = { name: 'image-1' };
    {
      await using opened = await small.images.open({
        disk: sample.disk,
        imageId: SAMPLE_IMAGE_ID,
        label,
        source,
        signal,
      });
      await assert.rejects(opened.image.fetchAll({ flow: flowOf(1), signal }), isFull);
    }
    assert.deepEqual(await small.here(), [0]);
    assert.equal((await small.cache.survey()).find(({ base }) => base === small.baseOf(1))?.state, 'absent');
    await rm(ballast);
    await small.fetch(1);
    assert.deepEqual(await small.here(), [0, 1]);
  });
}
