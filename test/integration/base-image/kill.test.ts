/** SIGKILL in the middle of a transfer: what was noted stays, and nothing wrong is ever taken for complete. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, watch } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { createEdgeFixture } from '../../helpers/edge-fixture.ts';
import type { FetchImageTask } from '../../helpers/fetch-image-process.ts';
import { createSampleDisk, SAMPLE_IMAGE_ID, SAMPLE_LABEL } from '../../helpers/sample-disk.ts';

const PARTS = 16;
const ANSWERED = 10;
const CONNECTIONS = 2;
const signal = AbortSignal.timeout(60_000);

test('after a kill at more than half, most of it is not fetched again', async () => {
  let answered = 0;
  let isHolding = true;
  await using edge = await createEdgeFixture({
    // All but the first ten parts wait for ever, until the process is dead.
    faultOf({ path }) {
      if (!path.includes('/parts/')) return undefined;
      answered++;
      return isHolding && answered > ANSWERED ? { kind: 'silent' } : undefined;
    },
    sample: (directory) =>
      createSampleDisk(directory, PARTS * PART_SIZE_BYTES, [
        ...Array.from({ length: PARTS }, (_, i) => ({
          offsetBytes: i * PART_SIZE_BYTES + 2 * 1024 * 1024,
          lengthBytes: 1024 * 1024,
          content: 'noise' as const,
        })),
      ]),
  });
  const { sample, server, cacheDirectory, source } = edge;
  const file = edge.images.fileOf(sample.disk);
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });

  const task: FetchImageTask = { baseUrl: server.baseUrl, cacheDirectory, disk: sample.disk, connections: CONNECTIONS };
  const program = join(import.meta.dirname, '../../helpers/fetch-image-process.ts');
  const noted = waitForFile(folder, `${basename(file)}.partial.presence`);
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const dead = once(child, 'exit');
  await noted;
  child.kill('SIGKILL');
  await dead;
  assert.ok(!(await readdir(folder)).includes(basename(file)));

  isHolding = false;
  const fetchedBefore = server.requests.length;
  await using opened = await edge.images.open({
    ...{ disk: sample.disk, imageId: SAMPLE_IMAGE_ID },
    label: SAMPLE_LABEL,
    source,
    signal,
  });
  await opened.image.fetchAll({ connections: 4, signal });
  assert.ok((await readFile(sample.rawFile)).equals(await readFile(opened.image.file)));
  // A checkpoint follows every four parts.
  assert.ok(server.requests.length - fetchedBefore <= PARTS - 4, 'noted parts are not fetched again');
});

/** Resolves when a file of that name was put into the folder. */
async function waitForFile(folder: string, name: string): Promise<void> {
  for await (const { filename } of watch(folder, { signal })) if (filename === name) return;
}
