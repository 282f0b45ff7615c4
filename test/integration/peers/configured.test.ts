/** Two hosts, as their configurations make them. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import { ensureDirectory } from '../../../edge-agent/durable-files.ts';
import { composePeers, listenForPeers } from '../../../edge-agent/peers/compose.ts';
import { freePort } from '../../../local/free-port.ts';
import { createEdgeFixture } from '../../helpers/edge-fixture.ts';
import { flowOf } from '../../helpers/flow.ts';
import { makeImageCache } from '../../helpers/image-cache.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_LABEL } from '../../helpers/sample-disk.ts';

const signal = AbortSignal.timeout(60_000);

test('hosts with the same list and key give each other what they have', async () => {
  await using edge = await createEdgeFixture();
  await using undo = new AsyncDisposableStack();
  const keyFile = join(edge.folder, 'site-key');
  await writeFile(keyFile, 'k'.repeat(64), { mode: 0o600 });
  const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const { sample, source } = edge;

  const reports = [];
  for (const listen of addresses) {
    const settings = { listen, addresses, keyFile };
    const directory = join(edge.folder, listen);
    await ensureDirectory(directory, 0o711);
    const imageCache = makeImageCache(directory);
    const baseImages = new BaseImages({ cache: imageCache, peers: await composePeers(settings, undo) });
    undo.use(await listenForPeers(settings, { imageCache, baseImages }));
    await assert.rejects(listenForPeers(settings, { imageCache, baseImages }), {
      code: 'INVALID_CONFIG',
      message: /peers\.listen: .* is not to be had \(EADDRINUSE\)/,
    });
    const image = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label: SAMPLE_LABEL, source, signal };
    await using opened = await baseImages.open(image);
    reports.push(await opened.image.fetchAll({ flow: flowOf(4), signal }));
  }
  assert.deepEqual(
    reports.map(({ fetchedBytes, peerBytes }) => [fetchedBytes > 0, peerBytes > 0]),
    [
      [true, false],
      [false, true],
    ],
  );
});
