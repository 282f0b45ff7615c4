/** A full disk: on a small tmpfs, in a mount namespace of the suite's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { createLegacyRepository, describe, packDisk, writeLegacyDisk } from '../../helpers/legacy-fixture.ts';

const MIB = 1024 * 1024;

if (inNamespaces(import.meta.filename, { timeoutSeconds: 60 })) {
  test('fault 35: a disk without room is said so, its space is given back, and with room it works', async () => {
    await using repository = await createLegacyRepository();
    using cleanUp = new DisposableStack();
    const { cacheDirectory } = repository;
    await mkdir(cacheDirectory);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=290m', 'tmpfs', cacheDirectory]);
    assert.equal(mounted.status, 0, mounted.stderr.toString());
    cleanUp.defer(() => void spawnSync('umount', ['--lazy', cacheDirectory]));
    const ballast = join(cacheDirectory, 'ballast');
    const freeBytes = async (): Promise<number> => {
      const { bfree, bsize } = await statfs(cacheDirectory);
      return bfree * bsize;
    };
    const raw = join(repository.folder, 'frontend.vda');
    await writeLegacyDisk(raw, 'x');
    const frontend = await packDisk(raw, repository, { type: 'splited_gzip', cut: 'members' });
    await describe(repository, { kind: 'listed', frontend });

    // The reserve of the host; less than the compressed parts have; then not a byte.
    for (const leftMiB of [200, 5, 0]) {
      await writeFile(ballast, Buffer.alloc((290 - leftMiB) * MIB)).catch(() => undefined);
      const before = await freeBytes();
      const requests = repository.requests.length;
      await assert.rejects(repository.fetch(), (error) => hasCode(error, 'DISK_FULL'));
      const asked = repository.requests.slice(requests).filter(({ range }) => range && 'offsetBytes' in range);
      assert.equal(asked.length > 0, leftMiB === 200, 'what cannot fit is not asked for');
      assert.equal(await freeBytes(), before);
      assert.deepEqual(await readdir(cacheDirectory), ['ballast']);
    }
    await rm(ballast);
    const { frontendDisk } = await repository.fetch();
    assert.ok((await readFile(frontendDisk)).equals(await readFile(raw)));
  });
}
