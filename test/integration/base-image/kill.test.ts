/** SIGKILL in the middle of a transfer: what was written stays, and nothing wrong is ever taken for complete. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { PART_SIZE_BYTES } from '#shared/image/manifest.ts';
import { createEdgeFixture } from '../../helpers/edge-fixture.ts';
import type { FetchImageTask } from '../../helpers/fetch-image-process.ts';
import { flowOf } from '../../helpers/flow.ts';
import { createSampleDisk, SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';

const PARTS = 16;
const ANSWERED = 10;
const CONNECTIONS = 2;
const signal = AbortSignal.timeout(60_000);

test('after a kill, at most one part for each connection is fetched again', async () => {
  let answered = 0;
  let isHolding = true;
  const allAreHeld = Promise.withResolvers<undefined>();
  await using edge = await createEdgeFixture({
    // All but the first ten parts wait for ever, until the process is dead.
    faultOf({ path }) {
      if (!path.includes('/parts/')) return undefined;
      answered++;
      if (!isHolding || answered <= ANSWERED) return undefined;
      if (answered === ANSWERED + CONNECTIONS) allAreHeld.resolve(undefined);
      return { kind: 'silent' };
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

  const task: FetchImageTask = { baseUrl: server.baseUrl, cacheDirectory, disk: sample.disk, connections: CONNECTIONS };
  const program = join(import.meta.dirname, '../../helpers/fetch-image-process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const dead = once(child, 'exit');
  await allAreHeld.promise;
  child.kill('SIGKILL');
  await dead;
  assert.ok(!(await readdir(dirname(file))).includes(basename(file)));

  isHolding = false;
  await using opened = await edge.images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal });
  const report = await opened.image.fetchAll({ flow: flowOf(4), signal });
  assert.ok((await readFile(sample.rawFile)).equals(await readFile(opened.image.file)));
  // What was on its way, and what had come but was not yet written.
  assert.ok(report.fetchedObjects <= PARTS - ANSWERED + CONNECTIONS, `${report.fetchedObjects} of ${PARTS} parts`);
});
