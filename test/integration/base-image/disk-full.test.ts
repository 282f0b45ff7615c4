/** A full disk: on a small tmpfs, in a mount namespace of the suite's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import { createEdgeFixture } from '../../helpers/edge-fixture.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { flowOf } from '../../helpers/flow.ts';

const MIB = 1024 * 1024;
const signal = AbortSignal.timeout(30_000);

if (inNamespaces(import.meta.filename, { timeoutSeconds: 60 })) {
  test('a full disk is said so, its space is given back, and with space it works', async () => {
    await using edge = await createEdgeFixture();
    await using folder = await createTemporaryFolder();
    using cleanUp = new DisposableStack();
    // The sample has about 10 MiB that are not zero.
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder.path]);
    assert.equal(mounted.status, 0, mounted.stderr.toString());
    cleanUp.defer(() => void spawnSync('umount', ['--lazy', folder.path]));
    const ballast = join(folder.path, 'ballast');
    await writeFile(ballast, Buffer.alloc(10 * MIB));

    const images = new BaseImages({ cacheDirectory: join(folder.path, 'cache'), unpackThreads: 2 });
    const { sample, source } = edge;
    const options = { disk: sample.disk, imageId: SAMPLE_IMAGE_ID, source, signal };
    const full = await images.open(options);
    await assert.rejects(full.image.fetchAll({ flow: flowOf(4), signal }), (error) => hasCode(error, 'DISK_FULL'));
    await assert.rejects(full.image.read(0, 512, signal), (error) => hasCode(error, 'DISK_FULL'));
    const { bfree, bsize } = await statfs(folder.path);
    assert.ok(bfree * bsize > 5 * MIB, `${bfree * bsize} bytes are free`);
    assert.deepEqual(await readdir(join(folder.path, 'cache', sample.disk.index.sha256)), ['frame-index']);

    await rm(ballast);
    await using opened = await images.open(options);
    await opened.image.fetchAll({ flow: flowOf(4), signal });
    assert.ok((await readFile(sample.rawFile)).equals(await readFile(opened.image.file)));
    await full.close();
  });
}
