/** Two processes of one host that want the same native image: one fetches it, the other waits and finds it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { holdLock, tryHoldLock } from '../../../edge-agent/adapters/host-lock.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import type { PartSource } from '../../../edge-agent/ports.ts';
import { createEdgeFixture, type EdgeFixture } from '../../helpers/edge-fixture.ts';
import type { FetchImageTask } from '../../helpers/fetch-image-process.ts';
import { flowOf } from '../../helpers/flow.ts';
import { makeImageCache } from '../../helpers/image-cache.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_LABEL } from '../../helpers/sample-disk.ts';

const signal = AbortSignal.timeout(60_000);
const LIMIT = { timeout: 60_000 };
const partPaths = ({ server }: EdgeFixture) =>
  server.requests.map(({ path }) => path).filter((path) => /parts/.test(path));
const wanted = ({ sample, source }: EdgeFixture) => ({
  ...{ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal },
});

interface Fetcher {
  readonly child: ChildProcess;
  /** Resolves when it has said so. */
  says(words: RegExp): Promise<string>;
}

/** Another process that fetches the fixture's image into the same cache. */
function startFetcher(t: TestContext, { sample, server, cacheDirectory }: EdgeFixture): Fetcher {
  const task: FetchImageTask = { baseUrl: server.baseUrl, cacheDirectory, disk: sample.disk, connections: 2 };
  const program = join(import.meta.dirname, '../../helpers/fetch-image-process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  return {
    child,
    says: (words) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines.find((one) => words.test(one));
          if (line !== undefined) resolve(line);
        };
        waiting.push(look);
        child.once('close', (code) => reject(new Error(`it ended with ${code}, and never said ${words}`)));
        look();
      }),
  };
}

/** @param onWait called when somebody else has a lock, just before waiting for it */
function waitingImages({ cacheDirectory }: EdgeFixture, onWait: () => void): BaseImages {
  const cache = makeImageCache(cacheDirectory, {
    holdLock: async (name, waitSignal) => {
      const release = await tryHoldLock(name);
      if (release !== undefined) return release;
      const held = holdLock(name, waitSignal);
      onWait();
      return held;
    },
  });
  return new BaseImages({ cache });
}

test('who comes second waits, and fetches nothing', LIMIT, async (t) => {
  await using edge = await createEdgeFixture();
  await mkdir(edge.cacheDirectory);
  const otherWaits = Promise.withResolvers<undefined>();
  const source: PartSource = {
    async fetch(request, fetchSignal) {
      if (request.path.includes('/parts/')) await otherWaits.promise;
      return edge.source.fetch(request, fetchSignal);
    },
  };
  await using opened = await edge.images.open({ ...wanted(edge), source });
  const fetching = opened.image.fetchAll({ flow: flowOf(4), signal });
  const other = startFetcher(t, edge);
  await other.says(/^waiting for base image/);
  otherWaits.resolve(undefined);
  await fetching;
  assert.equal(await other.says(/^fetched/), 'fetched 0');
  assert.equal(partPaths(edge).length, edge.sample.parts.length, 'each part once');
  assert.ok((await readFile(edge.sample.rawFile)).equals(await readFile(opened.image.file)));
});

test('two at once, from nothing: together they fetch each object once', LIMIT, async (t) => {
  await using edge = await createEdgeFixture();
  await mkdir(edge.cacheDirectory);
  const fetchers = [startFetcher(t, edge), startFetcher(t, edge), startFetcher(t, edge)];
  const said = await Promise.all(fetchers.map((one) => one.says(/^fetched/)));
  const fetchedBytes = said.map((line) => Number(line.split(' ')[1])).filter((bytes) => bytes > 0);
  assert.deepEqual(fetchedBytes, [edge.sample.parts.reduce((sum, part) => sum + part.sizeBytes, 0)]);
  const paths = edge.server.requests.map(({ path }) => path);
  assert.deepEqual(paths.sort(), [...new Set(paths)].sort());
});

test('when the one who fetches is killed, the one who waits takes over', LIMIT, async (t) => {
  const begun = Promise.withResolvers<undefined>();
  let isHolding = true;
  await using edge = await createEdgeFixture({
    faultOf({ path }) {
      if (!path.includes('/parts/') || !isHolding) return undefined;
      begun.resolve(undefined);
      return { kind: 'silent' };
    },
  });
  await mkdir(edge.cacheDirectory);
  const { child } = startFetcher(t, edge);
  await begun.promise;
  const dead = once(child, 'exit');
  const images = waitingImages(edge, () => {
    isHolding = false;
    child.kill('SIGKILL');
  });
  await using opened = await images.open(wanted(edge));
  assert.equal(isHolding, false, 'it has waited');
  await dead;
  await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.ok((await readFile(edge.sample.rawFile)).equals(await readFile(opened.image.file)));
});

test('who waits can leave', LIMIT, async (t) => {
  const begun = Promise.withResolvers<undefined>();
  await using edge = await createEdgeFixture({
    faultOf({ path }) {
      if (!path.includes('/parts/')) return undefined;
      begun.resolve(undefined);
      return { kind: 'silent' };
    },
  });
  await mkdir(edge.cacheDirectory);
  startFetcher(t, edge);
  await begun.promise;
  const leave = new AbortController();
  const images = waitingImages(edge, () => leave.abort(new Error('enough')));
  await assert.rejects(images.open({ ...wanted(edge), signal: leave.signal }), /enough/);
});
