/** A directory as a repository: what its owner may have put there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test, type TestContext } from 'node:test';
import { type ErrorCode, hasCode } from '#shared/errors.ts';
import { openRepository, type Repository } from '../../../edge-agent/repositories/open-repository.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const signal = AbortSignal.timeout(30_000);
const OPTIONS = { repositoryHosts: [], connections: 4, retry: { deadlineSeconds: 0 } };
const fails = (code: ErrorCode) => (error: unknown) => hasCode(error, code) || assert.fail(String(error));
const read = async (repository: Repository, path: string): Promise<string> =>
  (await repository.fetch({ path, sizeBytes: undefined, maxBytes: 1000 }, signal)).bytes.toString();

/** `repository/rocks-sge/rocks-sge.xml`, and `secret` beside the repository. */
async function makeRepository(t: TestContext): Promise<{ folder: string; directory: string; repository: Repository }> {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const directory = join(folder.path, 'repository');
  await mkdir(join(directory, 'rocks-sge'), { recursive: true });
  await writeFile(join(directory, 'rocks-sge', 'rocks-sge.xml'), '<vc/>');
  await writeFile(join(folder.path, 'secret'), 'secret');
  const repository = await openRepository(directory, OPTIONS);
  t.after(() => repository.close());
  return { folder: folder.path, directory, repository };
}

test('formats §4: a local repository is named by its path, or by a file: URL', async (t) => {
  const { directory } = await makeRepository(t);
  for (const address of [directory, `${directory}/`, `${directory}/rocks-sge/..`, pathToFileURL(directory).href]) {
    await using repository = await openRepository(address, OPTIONS);
    assert.equal(await read(repository, 'rocks-sge/rocks-sge.xml'), '<vc/>');
  }
});

test('what is no directory is said so', async (t) => {
  const { folder } = await makeRepository(t);
  for (const [address, code] of [
    [join(folder, 'missing'), 'NOT_FOUND'],
    [join(folder, 'secret'), 'NOT_FOUND'],
    ['file://other.host/srv', 'INVALID_CONFIG'],
    ['repository', 'INVALID_CONFIG'],
    ['ftp://images.example.org/vc', 'INVALID_CONFIG'],
    ['', 'INVALID_CONFIG'],
  ] as const) {
    await assert.rejects(openRepository(address, OPTIONS), fails(code));
  }
});

test('formats §3: paths in vcdb.txt are relative, or absolute within the repository', async (t) => {
  const { folder, directory, repository } = await makeRepository(t);
  const link = join(folder, 'link');
  await symlink(directory, link);
  for (const named of [
    'rocks-sge/rocks-sge.xml',
    `${directory}/rocks-sge/rocks-sge.xml`,
    // Another way to the same file.
    `${link}/rocks-sge/rocks-sge.xml`,
  ]) {
    const { source, path } = await repository.locate(named);
    assert.equal(path, 'rocks-sge/rocks-sge.xml');
    assert.equal((await source.fetch({ path, sizeBytes: 5 }, signal)).bytes.toString(), '<vc/>');
  }
  await using through = await openRepository(link, OPTIONS);
  assert.equal((await through.locate(`${link}/rocks-sge/rocks-sge.xml`)).path, 'rocks-sge/rocks-sge.xml');
});

test('fault 42: an absolute path outside of the repository is refused', async (t) => {
  const { folder, directory, repository } = await makeRepository(t);
  await mkdir(`${directory}-other`);
  await writeFile(`${directory}-other/a.xml`, 'other');
  for (const [named, code] of [
    [join(folder, 'secret'), 'FORBIDDEN'],
    [`${directory}-other/a.xml`, 'FORBIDDEN'],
    ['/etc/passwd', 'FORBIDDEN'],
    [directory, 'FORBIDDEN'],
    [`${directory}/missing/../../secret`, 'INVALID_REQUEST'],
    [`${directory}/a b`, 'INVALID_REQUEST'],
    ['../secret', 'INVALID_REQUEST'],
    [`/no/such${directory}`, 'NOT_FOUND'],
    ['http://images.example.org/secret', 'FORBIDDEN'],
  ] as const) {
    await assert.rejects(repository.locate(named), fails(code), named);
  }
});

test('fault 40: a link within the repository is followed, one that leads out is not', async (t) => {
  const { folder, directory, repository } = await makeRepository(t);
  await symlink('rocks-sge', join(directory, 'current'));
  assert.equal(await read(repository, 'current/rocks-sge.xml'), '<vc/>');
  await symlink('../secret', join(directory, 'out'));
  await symlink(folder, join(directory, 'folder-out'));
  await symlink('/etc', join(directory, 'etc'));
  await symlink('loop', join(directory, 'loop'));
  for (const path of ['out', 'folder-out/secret', 'etc/passwd', 'loop']) {
    await assert.rejects(read(repository, path), fails('FORBIDDEN'), path);
  }
});

test('pipes, devices, sockets and directories are refused, and nobody waits for them', async (t) => {
  const { directory, repository } = await makeRepository(t);
  for (const [type, name, ...numbers] of [
    ['p', 'pipe'],
    ['c', 'zero', '1', '5'],
  ] as const) {
    assert.equal(spawnSync('mknod', [join(directory, name), type, ...numbers]).status, 0);
  }
  const server = createServer().listen(join(directory, 'socket'));
  await once(server, 'listening');
  t.after(() => server.close());
  for (const path of ['pipe', 'zero', 'socket', 'rocks-sge']) {
    await assert.rejects(read(repository, path), fails('FORBIDDEN'), path);
  }
});

test('a repository that is taken away is not there any more', async (t) => {
  const { directory, repository } = await makeRepository(t);
  await rm(directory, { recursive: true });
  await mkdtemp(directory);
  await assert.rejects(read(repository, 'rocks-sge/rocks-sge.xml'), fails('NOT_FOUND'));
});
